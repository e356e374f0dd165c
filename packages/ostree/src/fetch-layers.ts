// Getting the layers of an image that the repository has not, a few at once.
import { type Descriptor, type Digest, OciError, type OpenRanges, readLayer, type TarEntry } from '@varve/oci';
import { stageChunkedLayer } from './chunked-layer.ts';
import { assertDiskSpace, explainDiskFull } from './disk-space.ts';
import type { PathRules } from './import-path.ts';
import { stageLayer } from './layer.ts';
import type { ObjectIndex } from './object-index.ts';
import type { Progress } from './progress.ts';
import type { Repository } from './repository.ts';
import { ObjectStaging } from './staging.ts';
import type { TreeDirectory } from './tree.ts';

export interface ImageLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** Opens a layer's blob as it is stored in the registry. */
export type OpenLayer = (descriptor: Descriptor, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

export interface FetchOptions {
  readonly repository: Repository;
  readonly index: ObjectIndex;
  readonly openLayer: OpenLayer;
  readonly openRanges: OpenRanges | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** Enough to keep two processors busy: one layer is decompressed while another is hashed. More would only take memory. */
const layersAtOnce = 2;

/** Goes on with the trees of layers, and with where the last of them is staged: it is not published yet. */
export type UseLayers<T> = (trees: ReadonlyMap<Digest, TreeDirectory>, staging: ObjectStaging) => Promise<T>;

/**
 * Fetches layers and publishes each, but for the one that is complete last: `use` does that, so that the image lasts by the
 * same syncs. The first failure stops all.
 */
export async function fetchLayers<T>(
  layers: readonly ImageLayer[],
  rules: PathRules,
  options: FetchOptions,
  use: UseLayers<T>,
): Promise<T> {
  const { repository, index, signal: outer } = options;
  const trees = new Map<Digest, TreeDirectory>();
  if (layers.length === 0) {
    await using staging = await ObjectStaging.open(repository, index, outer);
    return await use(trees, staging);
  }
  const result = Promise.withResolvers<T>();
  const publications: Promise<void>[] = [];
  await inParallel(layers, options, async (layer, signal) => {
    await using staging = await ObjectStaging.open(repository, index, signal);
    const tree =
      (await stageMissingFiles(staging, layer, rules, options, signal)) ??
      (await stageWhole(staging, layer, rules, options, signal));
    trees.set(layer.descriptor.digest, tree);
    if (trees.size < layers.length) {
      const publication = staging.publish();
      publications.push(publication);
      return await publication;
    }
    // What the index says holds whether or not the image can be used.
    await Promise.all([...publications, index.save()]);
    result.resolve(await use(trees, staging));
  });
  return await result.promise;
}

/** Runs `work` for each layer, a few at once. The first failure stops all. */
export async function inParallel(
  layers: readonly ImageLayer[],
  { repository, index, progress, signal: outer }: FetchOptions,
  work: (layer: ImageLayer, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const signal = outer ? AbortSignal.any([failure.signal, outer]) : failure.signal;
  const queue = [...layers];
  const workers = Array.from({ length: layersAtOnce }, async () => {
    try {
      for (let layer = queue.shift(); layer !== undefined; layer = queue.shift()) {
        await work(layer, signal);
        await index.save();
      }
    } catch (error) {
      // The first one: what the others throw is only that they were stopped.
      if (!failure.signal.aborted) failure.abort(explainDiskFull(error, repository.path, progress.bytesLeft));
    }
  });
  await Promise.all(workers);
  failure.signal.throwIfAborted();
}

async function stageWhole(
  staging: ObjectStaging,
  layer: ImageLayer,
  rules: PathRules,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<TreeDirectory> {
  const { descriptor, diffId } = layer;
  const entries = await readWhole(layer, options, signal);
  return await stageLayer(staging, { digest: descriptor.digest, diffId, rules, entries }, signal);
}

/** The entries of a layer that is fetched as a whole. */
export async function readWhole(
  { descriptor, diffId }: ImageLayer,
  { repository, openLayer, progress }: FetchOptions,
  signal: AbortSignal,
): Promise<AsyncIterable<TarEntry>> {
  // The least that it can take: what is in it cannot be much smaller than it is compressed.
  await assertDiskSpace(repository.path, descriptor.size);
  return readLayer(progress.count(await openLayer(descriptor, signal)), descriptor, diffId, { signal });
}

/** Undefined where the layer, its registry or what the host has do not allow for it. */
async function stageMissingFiles(
  staging: ObjectStaging,
  { descriptor }: ImageLayer,
  rules: PathRules,
  { repository, index, openRanges, progress }: FetchOptions,
  signal: AbortSignal,
): Promise<TreeDirectory | undefined> {
  if (openRanges === undefined) return undefined;
  try {
    return await stageChunkedLayer(staging, {
      repository,
      index,
      descriptor,
      rules,
      openRanges: progress.countRanges(openRanges),
      onPlan: (bytes) => progress.plan(descriptor, bytes),
      signal,
    });
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'RANGES_UNSUPPORTED') throw error;
    progress.plan(descriptor);
    return undefined;
  }
}
