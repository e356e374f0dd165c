// Merging the layers of an image, on names and checksums alone. The rules are the OCI specification's
// (https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#applying-changesets), also where ostree-ext's checkout
// differs: a directory that a layer has an entry for takes that layer's owner and permissions, and a whiteout hides only
// what lower layers have, wherever its name sorts.
import type { TreeDirectory, TreeNode } from './tree.ts';
import { whiteoutOf } from './whiteout.ts';

/** The tree that is seen when the layers lie on each other, the first at the bottom. */
export function mergeLayers(layers: readonly TreeDirectory[], bottom: TreeDirectory): TreeDirectory {
  let merged = bottom;
  for (const layer of layers) merged = applyLayer(merged, layer);
  return merged;
}

function applyLayer(lower: TreeDirectory | undefined, upper: TreeDirectory): TreeDirectory {
  if (lower === undefined && upper.hasNoWhiteouts) return upper;
  const entries = new Map(lower?.entries);
  // All whiteouts come before all additions: they never hide what their own layer has.
  for (const [name, node] of upper.entries) {
    const whiteout = node.type === 'file' ? whiteoutOf(name) : undefined;
    if (whiteout?.kind === 'opaque') entries.clear();
    else if (whiteout?.kind === 'name') entries.delete(whiteout.name);
  }
  for (const [name, node] of upper.entries) {
    if (node.type === 'directory') entries.set(name, applyLayer(directoryIn(entries.get(name)), node));
    else if (whiteoutOf(name) === undefined) entries.set(name, node);
  }
  const metadata = upper.implicit ? (lower ?? upper).metadata : upper.metadata;
  return { type: 'directory', metadata, implicit: false, hasNoWhiteouts: true, entries };
}

/** A directory that takes the place of a file has nothing to build on. */
function directoryIn(node: TreeNode | undefined): TreeDirectory | undefined {
  return node?.type === 'directory' ? node : undefined;
}
