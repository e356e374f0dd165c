// Removing images and layers that nothing needs any more.
import type { OstreeChecksum } from './checksum.ts';
import { runCommand } from './command.ts';
import { ObjectIndex } from './object-index.ts';
import { type Commit, metadataString } from './objects/commit.ts';
import { escapeRef, imageRefPrefix, layerRefPrefix } from './ref-name.ts';
import type { Sysroot } from './sysroot/sysroot.ts';

export interface GarbageOptions {
  /** Commits of images that are to stay, besides those that are deployed: what is staged. */
  readonly keep?: readonly OstreeChecksum[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CollectedGarbage {
  readonly imagesRemoved: number;
  readonly layersRemoved: number;
}

/**
 * Removes the images that are neither deployed nor kept, the layers that no other image has, and their objects. Not while
 * an image is imported: its objects have no name yet.
 */
export async function collectGarbage(sysroot: Sysroot, options: GarbageOptions = {}): Promise<CollectedGarbage> {
  const { repository } = sysroot;
  const deployed = (await sysroot.deployments()).map(({ checksum }) => checksum);
  const needed = new Set([...deployed, ...(options.keep ?? [])]);
  const liveLayers = new Set<string>();
  for (const checksum of needed) {
    for (const layer of layersOf(repository.readCommit(checksum))) liveLayers.add(layerRefPrefix + escapeRef(layer));
  }
  let imagesRemoved = 0;
  for (const ref of await repository.listRefs(imageRefPrefix)) {
    const commit = await repository.readRef(ref);
    if (commit !== undefined && needed.has(commit)) continue;
    await repository.deleteRef(ref);
    imagesRemoved++;
  }
  let layersRemoved = 0;
  for (const ref of await repository.listRefs(layerRefPrefix)) {
    if (liveLayers.has(ref)) continue;
    await repository.deleteRef(ref);
    layersRemoved++;
  }
  await runCommand('ostree', ['admin', 'cleanup', `--sysroot=${sysroot.path}`], { signal: options.signal });
  await (await ObjectIndex.open(repository)).compact(repository);
  return { imagesRemoved, layersRemoved };
}

/** Digests of the layers of an image's commit; none for a commit that did not come from an image. */
function layersOf(commit: Commit): string[] {
  const manifest: unknown = JSON.parse(metadataString(commit, 'ostree.manifest') ?? '{}');
  if (typeof manifest !== 'object' || manifest === null || !('layers' in manifest)) return [];
  const layers: unknown[] = Array.isArray(manifest.layers) ? manifest.layers : [];
  return layers.flatMap((layer) => {
    const isDescriptor = typeof layer === 'object' && layer !== null && 'digest' in layer;
    return isDescriptor && typeof layer.digest === 'string' ? [layer.digest] : [];
  });
}
