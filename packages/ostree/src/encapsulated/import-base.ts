// Importing the commit that an image was made from. Its objects lie in several layers, of which images share some, so that each
// layer's objects are held by a commit of their own: ostree-ext's "object sets" (lib/src/tar/import.rs).
import type { OstreeChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import { type FetchOptions, type ImageLayer, inParallel, readWhole } from '../fetch-layers.ts';
import { encodeCommit } from '../objects/commit.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from '../objects/dirmeta.ts';
import { encodeDirectoryTree } from '../objects/dirtree.ts';
import { layerRef } from '../ref-name.ts';
import { ifIntact, type Repository } from '../repository.ts';
import { ObjectStaging } from '../staging.ts';
import { readCompleteTree, readTree, type TreeDirectory } from '../tree.ts';
import type { Encapsulation } from './layers.ts';
import { readObjects } from './read-objects.ts';

export interface ImportedBase {
  readonly tree: TreeDirectory;
  readonly layersFetched: number;
}

/**
 * Imports the base of an image, or finds it. Layers that are there are not fetched.
 * @throws OstreeError LAYER_NOT_IMPORTABLE, DISK_FULL, and what fetching throws
 */
export async function importBase(base: Encapsulation, options: FetchOptions): Promise<ImportedBase> {
  const { repository } = options;
  const present = await findBase(base, repository);
  if (present !== undefined) {
    await repository.markComplete(base.commit);
    return { tree: present, layersFetched: 0 };
  }
  const missing = new Set<ImageLayer>();
  for (const layer of base.baseLayers) if (!(await hasLayer(layer, base, repository))) missing.add(layer);
  let tree = await fetchBase([...missing], base, options);
  if (tree === undefined && missing.size < base.baseLayers.length) {
    // An object is gone that a layer once brought.
    const others = base.baseLayers.filter((layer) => !missing.has(layer));
    for (const layer of others) missing.add(layer);
    tree = await fetchBase(others, base, options);
  }
  if (tree === undefined) {
    throw new OstreeError(
      'LAYER_NOT_IMPORTABLE',
      `the image's layers do not have all objects of its commit ${base.commit}; build and push the image again`,
    );
  }
  await repository.markComplete(base.commit);
  return { tree, layersFetched: missing.size };
}

async function findBase({ commit }: Encapsulation, repository: Repository): Promise<TreeDirectory | undefined> {
  if (!repository.hasObject(commit, 'commit')) return undefined;
  return ifIntact(async () => readCompleteTree(repository, commit));
}

async function hasLayer({ descriptor }: ImageLayer, base: Encapsulation, repository: Repository): Promise<boolean> {
  const checksum = await repository.readRef(layerRef(descriptor.digest));
  if (checksum === undefined) return false;
  const tree = await ifIntact(async () => {
    // The first layer's ref names the commit itself, whose files may be in other layers.
    if (checksum === base.commit) return readTree(repository, checksum);
    const { metadata } = repository.readCommit(checksum);
    return metadata.size === 0 ? readCompleteTree(repository, checksum) : undefined;
  });
  return tree !== undefined;
}

/** Fetches layers and gives the tree of the base when that completes it. */
async function fetchBase(
  layers: readonly ImageLayer[],
  base: Encapsulation,
  options: FetchOptions,
): Promise<TreeDirectory | undefined> {
  const { repository, index } = options;
  for (const { descriptor } of layers) options.progress.plan(descriptor);
  await inParallel(layers, options, async (layer, signal) => {
    await using staging = await ObjectStaging.open(repository, index, signal);
    const { files, commits } = await readObjects(await readWhole(layer, options, signal), staging, signal);
    const isFirst = layer === base.baseLayers[0];
    const bytes = isFirst ? commits.get(base.commit) : encodeObjectSet(files, staging);
    if (bytes === undefined) {
      throw new OstreeError(
        'LAYER_NOT_IMPORTABLE',
        `the layer ${layer.descriptor.digest} does not have the commit ${base.commit} that the image names; build and push the image again`,
      );
    }
    await staging.publish();
    // Until all layers are there, `ostree` must not take the commit for complete.
    if (isFirst) await repository.markPartial(base.commit);
    const commit = staging.writeMetadata('commit', bytes);
    await staging.publish();
    if (!isFirst) await repository.markComplete(commit);
    await repository.writeRef(layerRef(layer.descriptor.digest), commit);
  });
  return findBase(base, repository);
}

/** A commit that holds files, each named by its own checksum. */
function encodeObjectSet(files: ReadonlySet<OstreeChecksum>, staging: ObjectStaging): Uint8Array {
  const named = new Map([...files].map((checksum) => [checksum, checksum]));
  return encodeCommit({
    metadata: new Map(),
    subject: '',
    body: '',
    timestamp: 0,
    tree: staging.writeMetadata('dirtree', encodeDirectoryTree({ files: named, directories: new Map() })),
    treeMetadata: staging.writeMetadata('dirmeta', encodeDirectoryMetadata(defaultDirectoryMetadata)),
  });
}
