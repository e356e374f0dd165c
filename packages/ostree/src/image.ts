// Bringing a container image into an OSTree repository, as ostree-ext does it (lib/src/container/store.rs): one commit per
// layer, one for their merge with the manifest and the configuration in its metadata, and refs that name them.
//
// It may be killed at any moment. What is complete is kept and used the next time, what is not is never visible.
import { chunkedLocation, type Digest, type Image, type OpenRanges } from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { assertDiskSpace, explainDiskFull } from './disk-space.ts';
import { importBase } from './encapsulated/import-base.ts';
import { encapsulationOf } from './encapsulated/layers.ts';
import { OstreeError } from './error.ts';
import { type FetchOptions, fetchLayers, type ImageLayer, type OpenLayer } from './fetch-layers.ts';
import { commitImage, importerVersion, importerVersionKey, manifestDigestKey } from './image-commit.ts';
import type { PathRules } from './import-path.ts';
import { findLayer, type LayerProof } from './layer-commit.ts';
import { ObjectIndex } from './object-index.ts';
import { metadataString } from './objects/commit.ts';
import { type ImportProgress, Progress } from './progress.ts';
import { imageRef } from './ref-name.ts';
import { ifIntact, type Repository } from './repository.ts';
import { keepHeapSmall } from './small-heap.ts';
import type { ObjectStaging } from './staging.ts';
import { removeStaleTemporaries } from './temporary.ts';
import { type ReadTree, readCompleteTree, readTree, type TreeDirectory } from './tree.ts';
import { readTextInTree } from './tree-text.ts';

export interface ImportImageOptions {
  /** Of mode bare. Nothing may prune it meanwhile. */
  readonly repository: Repository;
  readonly image: Image;
  readonly openLayer: OpenLayer;
  /** Without it every layer that is missing is fetched as a whole. */
  readonly openRanges?: OpenRanges | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

export interface ImportedImage {
  readonly commit: OstreeChecksum;
  readonly manifestDigest: Digest;
  /** Layers of which something was fetched. */
  readonly layersFetched: number;
  readonly layersReused: number;
  readonly bytesFetched: number;
  /** Of the layers that were fetched: what the host had already, in bytes of the registry's blobs. */
  readonly bytesReused: number;
}

/**
 * Imports an image and gives the commit that holds its tree. Layers that the repository has are not fetched, nor, where a
 * layer has a table of contents, files that it has; an image that it has is not touched. The same image is the same commit
 * everywhere.
 * @throws OstreeError IMAGE_UNSUPPORTED, IMAGE_NOT_BOOTABLE, LAYER_NOT_IMPORTABLE, DISK_FULL, REPOSITORY_DAMAGED,
 *   REPOSITORY_INVALID, OSTREE_COMMAND_FAILED; and what `openLayer`, `openRanges` and the layers themselves throw
 */
export async function importImage(options: ImportImageOptions): Promise<ImportedImage> {
  using _ = keepHeapSmall();
  const { repository, image, signal } = options;
  const { manifestDigest } = image;
  const layers = layersOf(image);
  const encapsulation = encapsulationOf(image, layers);
  const progress = new Progress(options.onProgress);
  await removeStaleTemporaries(repository.path);
  const present = await findImported(repository, image);
  if (present?.isIntact) {
    progress.enter('done');
    const nothing = { layersFetched: 0, layersReused: layers.length, bytesFetched: 0, bytesReused: 0 };
    return { commit: present.commit, manifestDigest, ...nothing };
  }
  const { openLayer, openRanges } = options;
  const index = await ObjectIndex.open(repository);
  const fetching: FetchOptions = { repository, index, openLayer, openRanges, progress, signal };
  // Layers are taken for what their commits say, as `ostree` takes them; but where something is gone, all are looked through.
  const read = present === undefined ? readTree : readCompleteTree;
  const base = encapsulation && (await importBase(encapsulation, fetching));
  const rules = base === undefined || (await isRootTransient(repository, base.tree)) ? 'any' : 'usr-only';
  const upper = encapsulation?.derivedLayers ?? layers;
  const { result: commit, fetched } = await importLayers(upper, { rules, read }, fetching, async (trees, staging) => {
    progress.enter('merge');
    const parts = { base: encapsulation && base && { commit: encapsulation.commit, tree: base.tree }, layers: trees };
    return await explainFull(repository, () => commitImage(staging, image, parts));
  });
  progress.enter('done');
  const layersFetched = (base?.layersFetched ?? 0) + fetched;
  return {
    commit,
    manifestDigest,
    layersFetched,
    layersReused: layers.length - layersFetched,
    bytesFetched: progress.bytesDone,
    bytesReused: progress.bytesReused,
  };
}

/** @throws OstreeError IMAGE_UNSUPPORTED */
function layersOf({ manifest, manifestDigest, config }: Image): ImageLayer[] {
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

/** The commit of an image that was imported already by the same rules, and whether all of it is still there. */
async function findImported(
  repository: Repository,
  image: Image,
): Promise<{ commit: OstreeChecksum; isIntact: boolean } | undefined> {
  const checksum = await repository.readRef(imageRef(image.reference));
  if (checksum === undefined) return undefined;
  const tree = await ifIntact(async () => {
    const commit = repository.readCommit(checksum);
    if (metadataString(commit, manifestDigestKey) !== image.manifestDigest) return 'other';
    if (metadataString(commit, importerVersionKey) !== importerVersion) return 'other';
    return repository.isComplete(checksum) ? readCompleteTree(repository, checksum) : undefined;
  });
  return tree === 'other' ? undefined : { commit: checksum, isIntact: tree !== undefined };
}

/** Fetches the layers that the repository has not, and goes on with the trees of all, the first at the bottom. */
async function importLayers<T>(
  layers: readonly ImageLayer[],
  { rules, read }: { rules: PathRules; read: ReadTree },
  options: FetchOptions,
  use: (trees: readonly TreeDirectory[], staging: ObjectStaging) => Promise<T>,
): Promise<{ result: T; fetched: number }> {
  const { repository, progress, openRanges } = options;
  const present = new Map<Digest, TreeDirectory>();
  const missing = new Map<Digest, ImageLayer>();
  let leastBytes = 0;
  for (const layer of layers) {
    const { descriptor } = layer;
    const { digest } = descriptor;
    const tree = await findLayer(repository, { digest, rules, read, proofs: proofsOf(layer) });
    if (tree === undefined) missing.set(digest, layer);
    else present.set(digest, tree);
  }
  for (const { descriptor } of missing.values()) {
    progress.plan(descriptor);
    // Of a layer with a table of contents, the table tells what it needs.
    if (openRanges === undefined || chunkedLocation(descriptor) === undefined) leastBytes += descriptor.size;
  }
  await assertDiskSpace(repository.path, leastBytes);
  const result = await fetchLayers([...missing.values()], rules, options, async (fetched, staging) => {
    const trees = layers.map(({ descriptor: { digest } }) => present.get(digest) ?? fetched.get(digest));
    return await use(
      trees.filter((tree) => tree !== undefined),
      staging,
    );
  });
  return { result, fetched: missing.size };
}

/** How it can have been shown that a layer of the repository is this one. */
function proofsOf({ descriptor, diffId }: ImageLayer): LayerProof[] {
  const location = chunkedLocation(descriptor);
  const whole: LayerProof = { kind: 'diff-id', digest: diffId };
  return location === undefined ? [whole] : [whole, { kind: 'toc', digest: location.toc.digest }];
}

/** Whether hosts of this base take any path from an image: ostree-prepare-root(1), `[root] transient`. */
async function isRootTransient(repository: Repository, tree: TreeDirectory): Promise<boolean> {
  const text = await readTextInTree(repository, tree, 'usr/lib/ostree/prepare-root.conf');
  const section = /^\[root\]\s*$([^[]*)/m.exec(text ?? '')?.[1] ?? '';
  return /^\s*transient\s*=\s*true\s*$/m.test(section);
}

async function explainFull<T>(repository: Repository, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw explainDiskFull(error, repository.path, 0);
  }
}
