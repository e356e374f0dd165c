// Manifests and indexes: https://github.com/opencontainers/image-spec/blob/v1.1.0/{manifest,image-index,descriptor}.md
// and Docker's schema 2, which has the same shape. They come from strangers: one parser, with limits, for client and server.
import * as z from 'zod';
import { isDigest } from './digest.ts';
import { OciError } from './error.ts';
import { mediaTypes } from './media-types.ts';

/** What registries accept at most; https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-manifests */
export const maximumManifestSize = 4 * 1024 * 1024;
const maximumReferences = 4096;

const mediaTypeSchema = z
  .string()
  .max(255)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:\s*;.*)?$/,
    'is not a media type',
  );
const digestSchema = z.string().refine(isDigest, 'is not a sha256 digest');
// Docker and some Go writers put null where they mean nothing.
const annotationsSchema = z
  .record(z.string(), z.string())
  .nullish()
  .transform((annotations) => annotations ?? {});

const platformSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().exactOptional(),
});

const descriptorSchema = z.object({
  mediaType: mediaTypeSchema,
  digest: digestSchema,
  size: z.int().min(0),
  annotations: annotationsSchema,
  urls: z.array(z.string()).exactOptional(),
  artifactType: mediaTypeSchema.exactOptional(),
  platform: platformSchema.exactOptional(),
});

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.enum([mediaTypes.ociManifest, mediaTypes.dockerManifest]),
  artifactType: mediaTypeSchema.exactOptional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(maximumReferences),
  subject: descriptorSchema.exactOptional(),
  annotations: annotationsSchema,
});

const indexSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.enum([mediaTypes.ociIndex, mediaTypes.dockerIndex]),
  artifactType: mediaTypeSchema.exactOptional(),
  manifests: z.array(descriptorSchema).max(maximumReferences),
  subject: descriptorSchema.exactOptional(),
  annotations: annotationsSchema,
});

export type Platform = z.infer<typeof platformSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type ImageIndex = z.infer<typeof indexSchema>;

type ParsedDescriptor = z.infer<typeof descriptorSchema>;
/** Names content by type, digest and size (bytes); everything else is optional, so that callers can write one. */
export interface Descriptor extends Pick<ParsedDescriptor, 'mediaType' | 'digest' | 'size'> {
  annotations?: Record<string, string>;
  urls?: string[];
  artifactType?: string;
  platform?: Platform;
}

export function isImageIndex(document: Manifest | ImageIndex): document is ImageIndex {
  return 'manifests' in document;
}

/**
 * Parses a manifest or an index, OCI or Docker schema 2. `mediaType` is what it was announced as (a Content-Type header or
 * a descriptor); without one the document's own field, or its shape, decides.
 * @throws OciError IMAGE_MANIFEST_INVALID
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest | ImageIndex {
  if (bytes.length > maximumManifestSize) {
    throw invalid(`it has ${bytes.length} bytes, and ${maximumManifestSize} are the most`);
  }
  const document = parseJsonObject(bytes);
  const type = chooseMediaType(document, mediaType?.split(';')[0]?.trim());
  // One document must never be read as a manifest by one program and as an index by another (CVE-2021-41190).
  if ('manifests' in document && ('layers' in document || 'config' in document)) {
    throw invalid('it is a manifest and an index at once');
  }
  const schema = type === mediaTypes.ociManifest || type === mediaTypes.dockerManifest ? manifestSchema : indexSchema;
  const result = schema.safeParse({ ...document, mediaType: type });
  if (result.success) return result.data;
  throw invalid(describeIssue(result.error));
}

/** The first problem of a failed parse with the path of its field, short enough for one line. */
export function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'it has an unknown fault';
  const path = issue.path.map(String).join('.');
  return `${path === '' ? 'the document' : path}: ${issue.message}`;
}

/** @throws OciError IMAGE_MANIFEST_INVALID */
function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new OciError('IMAGE_MANIFEST_INVALID', 'the manifest is not JSON in UTF-8; build and push the image again', {
      cause,
    });
  }
  const result = z.record(z.string(), z.unknown()).safeParse(value);
  if (result.success) return result.data;
  throw invalid('it is not a JSON object');
}

function chooseMediaType(document: Record<string, unknown>, announced: string | undefined): string {
  const own = document.mediaType;
  if (own !== undefined && typeof own !== 'string') throw invalid('mediaType is not a string');
  if (own !== undefined && announced !== undefined && own !== announced) {
    throw invalid(`it calls itself ${own.slice(0, 200)} and was announced as ${announced.slice(0, 200)}`);
  }
  const shape = 'manifests' in document ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  const type = own ?? announced ?? shape;
  const known: readonly string[] = [
    mediaTypes.ociManifest,
    mediaTypes.ociIndex,
    mediaTypes.dockerManifest,
    mediaTypes.dockerIndex,
  ];
  if (own === undefined && (type === mediaTypes.dockerManifest || type === mediaTypes.dockerIndex)) {
    throw invalid('a Docker manifest must have a mediaType');
  }
  if (known.includes(type)) return type;
  throw invalid(`${type.slice(0, 200)} is not a type of manifest that is supported (OCI, or Docker schema 2)`);
}

function invalid(why: string): OciError {
  return new OciError('IMAGE_MANIFEST_INVALID', `the manifest is not valid: ${why}; build and push the image again`);
}
