// The JSON of a table of contents: FileMetadata in
// https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go
import * as z from 'zod';
import { isDigest } from '../digest.ts';

/** PATH_MAX of Linux. */
const maximumNameBytes = 4096;
const maximumId = 0xffff_fffe;
/** What Linux stores on one file at most (XATTR_SIZE_MAX, XATTR_NAME_MAX). */
const maximumXattrBytes = 65_536;
const maximumXattrName = 255;

const nameSchema = z.string().refine(isName, 'is not a name');
// Not unions with '': for each entry that is not, zod would first make the error of what it is not.
const emptyOrNameSchema = z.string().refine((text) => text === '' || isName(text), 'is not a name');
const emptyOrDigestSchema = z.string().refine((text) => text === '' || isDigest(text), 'is not a sha256 digest');
const numberSchema = z.int().min(0);
const idSchema = z.int().min(0).max(maximumId);
/** RFC 3339, as Go writes it; the zone is Z or an offset. */
const timeSchema = z
  .string()
  .max(50)
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/, 'is not a time')
  .refine((text) => !Number.isNaN(Date.parse(text)), 'is not a time');
const xattrsSchema = z.record(
  z
    .string()
    .min(1)
    .max(maximumXattrName)
    .regex(/^[^\0]+$/),
  z
    .string()
    .max((maximumXattrBytes / 3) * 4 + 4)
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'is not base64'),
);

export const tocEntrySchema = z.object({
  type: z.enum(['dir', 'reg', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'chunk']),
  name: nameSchema,
  linkName: emptyOrNameSchema.nullish(),
  mode: numberSchema.nullish(),
  size: numberSchema.nullish(),
  uid: idSchema.nullish(),
  gid: idSchema.nullish(),
  modtime: timeSchema.nullish(),
  xattrs: xattrsSchema.nullish(),
  digest: emptyOrDigestSchema.nullish(),
  offset: numberSchema.nullish(),
  endOffset: numberSchema.nullish(),
  chunkSize: numberSchema.nullish(),
  chunkOffset: numberSchema.nullish(),
  chunkDigest: emptyOrDigestSchema.nullish(),
  chunkType: z.enum(['', 'zeros']).nullish(),
  /** eStargz puts several files into one frame. */
  innerOffset: numberSchema.nullish(),
});

export type RawTocEntry = z.infer<typeof tocEntrySchema>;

const knownKeys: ReadonlySet<string> = new Set([
  ...Object.keys(tocEntrySchema.shape),
  ...['accesstime', 'changetime', 'devMajor', 'devMinor'],
]);
/** Readers that ignore case (Go's) would take such a key for the one it resembles. */
const lowerCaseKeys: ReadonlySet<string> = new Set([...knownKeys].map((key) => key.toLowerCase()));

function isName(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.isWellFormed() && Buffer.byteLength(text) <= maximumNameBytes;
}

/** A key that is a known one in another case; undefined where there is none. */
export function ambiguousKey(entry: object): string | undefined {
  for (const key in entry) if (!knownKeys.has(key) && lowerCaseKeys.has(key.toLowerCase())) return key;
  return undefined;
}
