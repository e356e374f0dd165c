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
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const timeSchema = z.string().max(50).refine(isTime, 'is not a time');
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

const entryTypes = ['dir', 'reg', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'chunk'] as const;

export const tocEntrySchema = z.object({
  type: z.enum(entryTypes),
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

const isText = (isValid: (text: string) => boolean) => (value: unknown) => typeof value === 'string' && isValid(value);
const isNumber = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
const isId = (value: unknown) => isNumber(value) && Number(value) <= maximumId;
const entryTypeNames: ReadonlySet<string> = new Set(entryTypes);

const ordinaryValues: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['type', isText((text) => entryTypeNames.has(text))],
  ['name', isText(isName)],
  ['linkName', isText(isName)],
  ['mode', isNumber],
  ['size', isNumber],
  ['uid', isId],
  ['gid', isId],
  ['modtime', isText(isTime)],
  ['digest', isText(isDigest)],
  ['offset', isNumber],
  ['endOffset', isNumber],
]);

/**
 * True for most entries, and only for those that `tocEntrySchema` takes as they are. The schema looks at each key that an
 * entry could have, this at those that it has, in a tenth of the time: tables have tens of thousands.
 */
export function isOrdinaryEntry(value: unknown): value is RawTocEntry {
  if (typeof value !== 'object' || value === null) return false;
  for (const [key, field] of Object.entries(value)) if (ordinaryValues.get(key)?.(field) !== true) return false;
  return 'type' in value && 'name' in value;
}

function isName(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.isWellFormed() && Buffer.byteLength(text) <= maximumNameBytes;
}

function isTime(text: string): boolean {
  return timePattern.test(text) && !Number.isNaN(Date.parse(text));
}

/** A key that is a known one in another case; undefined where there is none. */
export function ambiguousKey(entry: object): string | undefined {
  for (const key in entry) if (!knownKeys.has(key) && lowerCaseKeys.has(key.toLowerCase())) return key;
  return undefined;
}
