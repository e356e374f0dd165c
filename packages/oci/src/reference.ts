// Image references as people write them: `debian`, `quay.io/coreos/fedora:stable`, `localhost:5000/os@sha256:…`.
// The grammar is that of https://github.com/distribution/reference (reference.go), the defaults are those of docker and podman.
import type { Digest } from './digest.ts';
import { isDigest } from './digest.ts';
import { OciError } from './error.ts';

export interface ImageReference {
  /** Host name or address with an optional port; `docker.io` for Docker Hub. */
  registry: string;
  repository: string;
  tag?: string;
  digest?: Digest;
}

const maximumLength = 1024;
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const hostLabel = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const registryPattern = new RegExp(`^(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$`);

/** Whether the text can name a repository, by the grammar of the distribution specification ("Pulling manifests"). */
export function isRepositoryName(text: string): boolean {
  return text.length <= 255 && repositoryPattern.test(text);
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Parses a reference. Without a registry it is Docker Hub's (`debian` is `docker.io/library/debian`); without a tag and a
 * digest the tag is `latest`.
 * @throws OciError REFERENCE_INVALID
 */
export function parseImageReference(text: string): ImageReference {
  if (text.length > maximumLength) {
    throw invalid(text, `it is longer than ${maximumLength} characters`);
  }
  const { rest, digest } = splitDigest(text);
  const { name, tag } = splitTag(text, rest);
  const { registry, repository } = splitRegistry(text, name);
  if (!isRepositoryName(repository)) {
    throw invalid(
      text,
      'its repository may have lower-case letters, digits, and single . _ - / between them, up to 255',
    );
  }
  if (tag === undefined && digest === undefined) return { registry, repository, tag: 'latest' };
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

export function formatImageReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

function splitDigest(text: string): { rest: string; digest?: Digest } {
  const at = text.indexOf('@');
  if (at < 0) return { rest: text };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw invalid(text, 'after @ there must be sha256: and 64 lower-case hexadecimal digits');
  return { rest: text.slice(0, at), digest };
}

function splitTag(text: string, rest: string): { name: string; tag?: string } {
  const colon = rest.lastIndexOf(':');
  if (colon < 0 || colon < rest.lastIndexOf('/')) return { name: rest };
  const tag = rest.slice(colon + 1);
  if (!isTag(tag))
    throw invalid(text, 'its tag may have letters, digits, _ . and -, must not begin with . or -, up to 128');
  return { name: rest.slice(0, colon), tag };
}

function splitRegistry(text: string, name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  // The same test as in docker and podman: what cannot be a repository's first part is a host.
  const hasRegistry = slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  if (!hasRegistry) return dockerHub(name);
  if (!isRegistry(first)) throw invalid(text, `${JSON.stringify(first)} is not a host name with an optional port`);
  const repository = name.slice(slash + 1);
  if (first === 'docker.io' || first === 'index.docker.io') return dockerHub(repository);
  return { registry: first, repository };
}

function isRegistry(text: string): boolean {
  if (!registryPattern.test(text)) return false;
  const port = /:([0-9]+)$/.exec(text)?.[1];
  return port === undefined || text.endsWith(']') || (Number(port) > 0 && Number(port) <= 65535);
}

function dockerHub(name: string): { registry: string; repository: string } {
  return { registry: 'docker.io', repository: name.includes('/') ? name : `library/${name}` };
}

function invalid(text: string, why: string): OciError {
  const shown = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return new OciError(
    'REFERENCE_INVALID',
    `${shown} is not an image reference: ${why}; write registry/repository:tag or registry/repository@sha256:…`,
  );
}
