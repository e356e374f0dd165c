import {
  type Descriptor,
  type Digest,
  digestOf,
  type ImageIndex,
  isDigest,
  isImageIndex,
  type Manifest,
  parseManifest,
} from '@varve/oci';
import { RegistryError } from '../error.ts';
import type { Blobs } from './blobs.ts';
import { removeFile, replaceFile } from './durable.ts';
import { namesIfExists, readIfExists, statIfExists } from './existing.ts';
import type { StoragePaths } from './paths.ts';

export interface StoredManifest {
  digest: Digest;
  bytes: Uint8Array;
  document: Manifest | ImageIndex;
}

/** Manifests, tags and referrers by repository. */
export class Manifests {
  readonly #paths: StoragePaths;
  readonly #blobs: Blobs;

  constructor(paths: StoragePaths, blobs: Blobs) {
    this.#paths = paths;
    this.#blobs = blobs;
  }

  /**
   * Stores a manifest, and sets a tag on it. Everything that it refers to must be in the repository, except its subject.
   * @throws RegistryError MANIFEST_BLOB_UNKNOWN, MANIFEST_INVALID; OciError IMAGE_MANIFEST_INVALID
   */
  async put(
    repository: string,
    bytes: Uint8Array,
    mediaType: string | undefined,
    tag?: string,
  ): Promise<StoredManifest> {
    const document = parseManifest(bytes, mediaType);
    const digest = digestOf(bytes);
    await this.#checkReferences(repository, document);
    if (document.subject !== undefined) {
      // First, so that a manifest is never without it; a list leaves out what has no manifest.
      await replaceFile(this.#paths.referrer(repository, document.subject.digest, digest), '', this.#paths.uploads);
    }
    await replaceFile(this.#paths.manifest(repository, digest), bytes, this.#paths.uploads);
    if (tag !== undefined) await replaceFile(this.#paths.tag(repository, tag), digest, this.#paths.uploads);
    return { digest, bytes, document };
  }

  /** @throws RegistryError MANIFEST_UNKNOWN */
  async get(repository: string, reference: Digest | string): Promise<StoredManifest> {
    const digest = isDigest(reference) ? reference : await this.#readTag(repository, reference);
    const manifest = digest === undefined ? undefined : await this.#read(repository, digest);
    if (manifest === undefined) throw manifestUnknown(repository, reference);
    return manifest;
  }

  /**
   * Removes a manifest with all its tags, or one tag alone.
   * @throws RegistryError MANIFEST_UNKNOWN
   */
  async delete(repository: string, reference: Digest | string): Promise<void> {
    if (!isDigest(reference)) {
      if (!(await removeFile(this.#paths.tag(repository, reference)))) throw manifestUnknown(repository, reference);
      return;
    }
    const { document } = await this.get(repository, reference);
    for (const tag of await this.listTags(repository)) {
      if ((await this.#readTag(repository, tag)) === reference) await removeFile(this.#paths.tag(repository, tag));
    }
    await removeFile(this.#paths.manifest(repository, reference));
    if (document.subject !== undefined)
      await removeFile(this.#paths.referrer(repository, document.subject.digest, reference));
  }

  /**
   * Tags in the order of their bytes.
   * @throws RegistryError NAME_UNKNOWN
   */
  async listTags(repository: string): Promise<string[]> {
    const tags = await namesIfExists(this.#paths.tags(repository));
    if (tags === undefined && (await statIfExists(this.#paths.manifests(repository))) === undefined) {
      throw new RegistryError('NAME_UNKNOWN', `there is no repository ${repository}; check the name, or push to it`);
    }
    return (tags ?? []).sort();
  }

  /** Names of the repositories that have or had manifests, in the order of their bytes. */
  async listRepositories(): Promise<string[]> {
    const found: string[] = [];
    const pending = [''];
    for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
      for (const name of (await namesIfExists(this.#paths.repository(parent))) ?? []) {
        if (name === '_manifests') found.push(parent);
        else if (!name.startsWith('_')) pending.push(parent === '' ? name : `${parent}/${name}`);
      }
    }
    return found.sort();
  }

  /** Descriptors of the manifests that have a subject, as the referrers API gives them. */
  async listReferrers(repository: string, subject: Digest): Promise<Descriptor[]> {
    const descriptors: Descriptor[] = [];
    for (const hex of ((await namesIfExists(this.#paths.referrers(repository, subject))) ?? []).sort()) {
      const digest = `sha256:${hex}`;
      const manifest = isDigest(digest) ? await this.#read(repository, digest) : undefined;
      if (manifest !== undefined) descriptors.push(describeReferrer(manifest));
    }
    return descriptors;
  }

  async #readTag(repository: string, tag: string): Promise<Digest | undefined> {
    const text = (await readIfExists(this.#paths.tag(repository, tag)))?.toString('latin1');
    return text !== undefined && isDigest(text) ? text : undefined;
  }

  /** A manifest is checked against its name each time: a damaged disk must not reach a host. */
  async #read(repository: string, digest: Digest): Promise<StoredManifest | undefined> {
    const bytes = await readIfExists(this.#paths.manifest(repository, digest));
    if (bytes === undefined) return undefined;
    if (digestOf(bytes) === digest) return { digest, bytes, document: parseManifest(bytes) };
    throw new RegistryError(
      'STORAGE_FAILED',
      `the stored manifest ${repository}@${digest} is damaged; check the disk and push it again`,
    );
  }

  async #checkReferences(repository: string, document: Manifest | ImageIndex): Promise<void> {
    const references = isImageIndex(document) ? document.manifests : [document.config, ...document.layers];
    for (const descriptor of references) {
      // Layers that may not be distributed lie elsewhere (image-spec, "Non-Distributable Layers").
      if ((descriptor.urls?.length ?? 0) > 0) continue;
      const size = await this.#referencedSize(repository, descriptor.digest);
      if (size === undefined) {
        throw new RegistryError(
          'MANIFEST_BLOB_UNKNOWN',
          `the manifest refers to ${descriptor.digest}, which ${repository} has not; push that first`,
        );
      }
      if (size !== descriptor.size) {
        throw new RegistryError(
          'MANIFEST_INVALID',
          `the manifest says that ${descriptor.digest} has ${descriptor.size} bytes, and it has ${size}; build the manifest again`,
        );
      }
    }
  }

  async #referencedSize(repository: string, digest: Digest): Promise<number | undefined> {
    return (
      (await this.#blobs.size(repository, digest)) ??
      (await statIfExists(this.#paths.manifest(repository, digest)))?.size
    );
  }
}

function describeReferrer({ digest, bytes, document }: StoredManifest): Descriptor {
  const artifactType = document.artifactType ?? (isImageIndex(document) ? undefined : document.config.mediaType);
  return {
    mediaType: document.mediaType,
    digest,
    size: bytes.length,
    ...(artifactType !== undefined && { artifactType }),
    ...(Object.keys(document.annotations).length > 0 && { annotations: document.annotations }),
  };
}

function manifestUnknown(repository: string, reference: string): RegistryError {
  return new RegistryError(
    'MANIFEST_UNKNOWN',
    `${repository} has no manifest ${reference}; check the tag or digest, or push it`,
  );
}
