// Bringing a container image into an OSTree repository, as ostree-ext does it (lib/src/container/store.rs): one commit per
// layer, one for their merge with the manifest and the configuration in its metadata, and refs that name them.
//
// It may be killed at any moment. What is complete is kept and used the next time, what is not is never visible.
import { type Descriptor, type Digest, type Image, readLayer } from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { assertDiskSpace, explainDiskFull } from './disk-space.ts';
import { OstreeError } from './error.ts';
import { commitImage, importerVersion, importerVersionKey, manifestDigestKey } from './image-commit.ts';
import { importLayer } from './layer.ts';
import { metadataString } from './objects/commit.ts';
import { imageRef, layerRef } from './ref-name.ts';
import type { Repository } from './repository.ts';
import { removeStaleTemporaries } from './temporary.ts';
import { fileChecksums, implicitDirectoriesKey, readTree, type TreeDirectory } from './tree.ts';

export interface ImportProgress {
  readonly step: 'fetch' | 'merge' | 'done';
  /** Of the layers that are not in the repository yet, compressed. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface ImportImageOptions {
  /** Of mode bare. Nothing may prune it meanwhile. */
  readonly repository: Repository;
  readonly image: Image;
  /** Opens a layer's blob as it is stored in the registry. */
  readonly openLayer: (descriptor: Descriptor, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

export interface ImportedImage {
  readonly commit: OstreeChecksum;
  readonly manifestDigest: Digest;
  readonly layersFetched: number;
  readonly layersReused: number;
}

interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** Enough to keep the network busy while a layer is decompressed and hashed. */
const layersAtOnce = 3;

/**
 * Imports an image and gives the commit that holds its tree. Layers that the repository has are not fetched; an image that
 * it has is not touched. The same image is the same commit everywhere.
 * @throws OstreeError IMAGE_UNSUPPORTED, IMAGE_NOT_BOOTABLE, LAYER_NOT_IMPORTABLE, DISK_FULL, REPOSITORY_DAMAGED,
 *   REPOSITORY_INVALID, OSTREE_COMMAND_FAILED; and what `openLayer` and the layers themselves throw
 */
export async function importImage(options: ImportImageOptions): Promise<ImportedImage> {
  const { repository, image, onProgress } = options;
  const { manifestDigest } = image;
  const layers = layersOf(image);
  const present = await findImported(repository, image);
  if (present !== undefined) {
    onProgress?.({ step: 'done', bytesDone: 0, bytesTotal: 0 });
    return { commit: present, manifestDigest, layersFetched: 0, layersReused: layers.length };
  }
  await removeStaleTemporaries(repository.path);

  const trees = new Map<Digest, TreeDirectory>();
  const missing = new Map<Digest, Layer>();
  for (const layer of layers) {
    const tree = await findLayer(repository, layer.descriptor.digest);
    if (tree === undefined) missing.set(layer.descriptor.digest, layer);
    else trees.set(layer.descriptor.digest, tree);
  }
  const progress = new Progress([...missing.values()], onProgress);
  await fetchLayers([...missing.values()], options, progress);
  for (const digest of missing.keys())
    trees.set(digest, await readTree(repository, await layerCommit(repository, digest)));

  progress.step('merge');
  const stack = layers.map(({ descriptor }) => trees.get(descriptor.digest)).filter((tree) => tree !== undefined);
  const commit = await explainFull(repository, 0, () => commitImage(repository, image, stack, options.signal));
  await repository.writeRef(imageRef(image.reference), commit);
  progress.step('done');
  return { commit, manifestDigest, layersFetched: missing.size, layersReused: layers.length - missing.size };
}

/** @throws OstreeError IMAGE_UNSUPPORTED */
function layersOf({ manifest, manifestDigest, config }: Image): Layer[] {
  // Such an image carries security labels in its commit, which a plain import would lose, silently.
  if ('ostree.commit' in config.config.Labels || 'ostree.final-diffid' in config.config.Labels) {
    throw new OstreeError(
      'IMAGE_UNSUPPORTED',
      `the image ${manifestDigest} was made from an OSTree commit (label ostree.commit), which this importer cannot read; use a host driver for bootc or rpm-ostree`,
    );
  }
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new OstreeError(
      'IMAGE_UNSUPPORTED',
      `the image ${manifestDigest} has ${manifest.layers.length} layers and its configuration names ${diffIds.length}; build and push it again`,
    );
  }
  return manifest.layers.flatMap((descriptor, index) => {
    const diffId = diffIds[index];
    return diffId === undefined ? [] : [{ descriptor, diffId }];
  });
}

/** The commit of an image that is in the repository already, complete and made by the same rules. */
async function findImported(repository: Repository, image: Image): Promise<OstreeChecksum | undefined> {
  const checksum = await repository.readRef(imageRef(image.reference));
  if (checksum === undefined) return undefined;
  return ifIntact(async () => {
    const commit = await repository.readCommit(checksum);
    if (metadataString(commit, manifestDigestKey) !== image.manifestDigest) return undefined;
    if (metadataString(commit, importerVersionKey) !== importerVersion) return undefined;
    return isComplete(repository, await readTree(repository, checksum)) ? checksum : undefined;
  });
}

/** The tree of a layer that is in the repository already, complete and imported by us. */
async function findLayer(repository: Repository, digest: Digest): Promise<TreeDirectory | undefined> {
  const checksum = await repository.readRef(layerRef(digest));
  if (checksum === undefined) return undefined;
  return ifIntact(async () => {
    const commit = await repository.readCommit(checksum);
    if (!commit.metadata.has(implicitDirectoriesKey)) return undefined;
    const tree = await readTree(repository, checksum);
    return isComplete(repository, tree) ? tree : undefined;
  });
}

/** What misses objects counts as absent: the import that follows brings them back. */
async function ifIntact<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof OstreeError && error.code === 'REPOSITORY_DAMAGED') return undefined;
    throw error;
  }
}

function isComplete(repository: Repository, tree: TreeDirectory): boolean {
  for (const checksum of fileChecksums(tree)) {
    if (!repository.hasObject(checksum, 'file')) return false;
  }
  return true;
}

/** Fetches and imports layers, a few at once. The first failure stops all. */
async function fetchLayers(layers: readonly Layer[], options: ImportImageOptions, progress: Progress): Promise<void> {
  const { repository } = options;
  await assertDiskSpace(repository.path, progress.bytesTotal);
  const failure = new AbortController();
  const signal = options.signal ? AbortSignal.any([failure.signal, options.signal]) : failure.signal;
  const queue = [...layers];
  const fetchNext = async () => {
    for (let layer = queue.shift(); layer !== undefined; layer = queue.shift()) {
      const { descriptor, diffId } = layer;
      const blob = progress.count(await options.openLayer(descriptor, signal));
      await importLayer(repository, descriptor.digest, readLayer(blob, descriptor, diffId, { signal }), signal);
    }
  };
  const workers = Array.from({ length: layersAtOnce }, async () => {
    try {
      await fetchNext();
    } catch (error) {
      // The first one: what the others throw is only that they were stopped.
      if (!failure.signal.aborted) failure.abort(explainDiskFull(error, repository.path, progress.bytesLeft));
    }
  });
  await Promise.all(workers);
  failure.signal.throwIfAborted();
}

async function layerCommit(repository: Repository, digest: Digest): Promise<OstreeChecksum> {
  const commit = await repository.readRef(layerRef(digest));
  if (commit !== undefined) return commit;
  throw new OstreeError(
    'REPOSITORY_DAMAGED',
    `the layer ${digest} was removed from ${repository.path} while its image was imported; stage the image again`,
  );
}

async function explainFull<T>(repository: Repository, bytes: number, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw explainDiskFull(error, repository.path, bytes);
  }
}

class Progress {
  readonly bytesTotal: number;
  readonly #report: ((progress: ImportProgress) => void) | undefined;
  #bytesDone = 0;

  constructor(layers: readonly Layer[], report: ((progress: ImportProgress) => void) | undefined) {
    this.bytesTotal = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    this.#report = report;
  }

  get bytesLeft(): number {
    return Math.max(0, this.bytesTotal - this.#bytesDone);
  }

  step(step: ImportProgress['step']): void {
    this.#report?.({ step, bytesDone: this.#bytesDone, bytesTotal: this.bytesTotal });
  }

  async *count(blob: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of blob) {
      this.#bytesDone += chunk.length;
      this.step('fetch');
      yield chunk;
    }
  }
}
