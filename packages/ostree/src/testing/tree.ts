// Trees for tests, written as maps of paths.
import { checksumOf, type OstreeChecksum } from '../checksum.ts';
import { LayerTree } from '../layer-tree.ts';
import type { TreeDirectory } from '../tree.ts';

/** A path that ends with `/` is a directory with that metadata, any other a file with that content. */
export type FlatTree = Record<string, string>;

/** What directories have that no entry names. */
export const defaultName = 'default';

/** A checksum that stands for a word. */
export function checksumFor(word: string): OstreeChecksum {
  return checksumOf(Buffer.from(word));
}

export function treeOf(flat: FlatTree): TreeDirectory {
  const tree = new LayerTree(checksumFor(defaultName));
  for (const [path, word] of Object.entries(flat)) {
    if (path.endsWith('/')) tree.addDirectory(path.replace(/\/$/, ''), checksumFor(word));
    else tree.addFile(path, checksumFor(word));
  }
  return tree.root;
}

/** Every path of a tree with its checksum; directories end with `/`, and the root is `/`. */
export function flatten(tree: TreeDirectory, path = ''): Map<string, OstreeChecksum> {
  const flat = new Map([[`${path}/`, tree.metadata]]);
  for (const [name, node] of tree.entries) {
    if (node.type === 'file') flat.set(`${path}/${name}`, node.checksum);
    else for (const [below, checksum] of flatten(node, `${path}/${name}`)) flat.set(below, checksum);
  }
  return new Map([...flat].sort(([a], [b]) => (a < b ? -1 : 1)));
}
