// A layer that is read as a whole.
import type { Digest, TarEntry } from '@varve/oci';
import type { PathRules } from './import-path.ts';
import { LayerBuilder } from './layer-builder.ts';
import { commitLayer } from './layer-commit.ts';
import type { ObjectStaging } from './staging.ts';
import type { TreeDirectory } from './tree.ts';

export interface PlainLayer {
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly rules: PathRules;
  /** Ends without an error only when the layer has the digest and the diff-id. */
  readonly entries: AsyncIterable<TarEntry>;
}

/**
 * Stages a layer that is read as a whole, with its commit and its ref, and gives its tree. It must not be published unless
 * this returned: `entries` ended without an error then, which is when the layer's digest is known to be right.
 * @throws OstreeError LAYER_NOT_IMPORTABLE, and what `entries` throws
 */
export async function stageLayer(
  staging: ObjectStaging,
  layer: PlainLayer,
  signal?: AbortSignal,
): Promise<TreeDirectory> {
  const { digest, diffId, rules, entries } = layer;
  const builder = new LayerBuilder(staging, rules);
  for await (const entry of entries) {
    signal?.throwIfAborted();
    await builder.add(entry, async (metadata) => {
      return (await staging.writeFile(metadata, entry.size, entry.content)).checksum;
    });
  }
  return commitLayer(staging, builder.root, { digest, rules, proof: { kind: 'diff-id', digest: diffId } });
}
