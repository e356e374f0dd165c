// Importing a layer that is read as a whole.
import type { Digest, TarEntry } from '@varve/oci';
import type { PathRules } from './import-path.ts';
import { LayerBuilder } from './layer-builder.ts';
import { commitLayer } from './layer-commit.ts';
import type { ObjectIndex } from './object-index.ts';
import type { Repository } from './repository.ts';
import { ObjectStaging } from './staging.ts';
import type { TreeDirectory } from './tree.ts';

export interface PlainLayer {
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly rules: PathRules;
  /** Ends without an error only when the layer has the digest and the diff-id. */
  readonly entries: AsyncIterable<TarEntry>;
}

/**
 * Imports a layer and names its commit by the layer's digest. Nothing of it can be seen before `entries` ended without an
 * error: that is when its digest is known to be right.
 * @throws OstreeError LAYER_NOT_IMPORTABLE, and what `entries` throws
 */
export async function importLayer(
  repository: Repository,
  index: ObjectIndex,
  layer: PlainLayer,
  signal?: AbortSignal,
): Promise<TreeDirectory> {
  const { digest, diffId, rules, entries } = layer;
  await using staging = await ObjectStaging.open(repository, index, signal);
  const builder = new LayerBuilder(staging, rules);
  for await (const entry of entries) {
    signal?.throwIfAborted();
    await builder.add(entry, async (metadata) => {
      return (await staging.writeFile(metadata, entry.size, entry.content)).checksum;
    });
  }
  const { root } = builder;
  return await commitLayer(staging, repository, root, { digest, rules, proof: { kind: 'diff-id', digest: diffId } });
}
