// What a request's path means: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#endpoints
// The one place where names from outside become paths: nothing passes that is not in the specification's grammar.
import { type Digest, isDigest, isRepositoryName, isTag } from '@varve/oci';
import { RegistryError } from './error.ts';

export type Route =
  | { kind: 'base' }
  | { kind: 'catalog' }
  | { kind: 'tags'; repository: string }
  | { kind: 'manifest'; repository: string; reference: Digest | string }
  | { kind: 'blob'; repository: string; digest: Digest }
  | { kind: 'uploads'; repository: string }
  | { kind: 'upload'; repository: string; id: string }
  | { kind: 'referrers'; repository: string; digest: Digest };

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Parses the decoded path behind `/v2/`. Undefined where the specification has no such path.
 * @throws RegistryError NAME_INVALID, DIGEST_INVALID, MANIFEST_UNKNOWN, BLOB_UPLOAD_UNKNOWN
 */
export function parseRoute(path: string): Route | undefined {
  if (path === '') return { kind: 'base' };
  if (path === '_catalog') return { kind: 'catalog' };
  const match =
    /^(.+)\/(?:(tags\/list)|(blobs\/uploads\/?)|blobs\/uploads\/([^/]+)|(manifests|blobs|referrers)\/([^/]+))$/s.exec(
      path,
    );
  if (match === null) return undefined;
  const [, name = '', tags, uploads, id, kind, last = ''] = match;
  const repository = parseRepositoryName(name);
  if (tags !== undefined) return { kind: 'tags', repository };
  if (uploads !== undefined) return { kind: 'uploads', repository };
  if (id !== undefined) return { kind: 'upload', repository, id: parseUploadId(id, repository) };
  if (kind === 'manifests') return { kind: 'manifest', repository, reference: parseManifestName(last, repository) };
  if (kind === 'blobs') return { kind: 'blob', repository, digest: parseContentDigest(last) };
  return { kind: 'referrers', repository, digest: parseContentDigest(last) };
}

/** @throws RegistryError NAME_INVALID */
export function parseRepositoryName(text: string): string {
  if (isRepositoryName(text)) return text;
  throw new RegistryError(
    'NAME_INVALID',
    `${shown(text)} is not a repository name; use lower-case letters, digits, and single . _ - / between them, up to 255`,
  );
}

/** @throws RegistryError DIGEST_INVALID */
export function parseContentDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError(
    'DIGEST_INVALID',
    `${shown(text)} is not a digest that is supported; use sha256: and 64 lower-case hexadecimal digits`,
  );
}

function parseManifestName(text: string, repository: string): Digest | string {
  if (isDigest(text) || isTag(text)) return text;
  if (text.includes(':')) return parseContentDigest(text);
  throw new RegistryError(
    'MANIFEST_UNKNOWN',
    `${repository} can have no tag ${shown(text)}; use letters, digits, _ . and -, up to 128`,
  );
}

function parseUploadId(text: string, repository: string): string {
  if (uuidPattern.test(text)) return text;
  throw new RegistryError('BLOB_UPLOAD_UNKNOWN', `${repository} has no upload ${shown(text)}; start a new one`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
