import type { FileSource } from './stored-file.ts';
import { nodeAt, type TreeDirectory } from './tree.ts';

const maximumSize = 1024 * 1024;

/** The text of a regular file of a tree; undefined where there is none, or one that is no configuration. */
export async function readTextInTree(
  source: FileSource,
  tree: TreeDirectory,
  path: string,
): Promise<string | undefined> {
  const node = nodeAt(tree, path);
  if (node?.type !== 'file') return undefined;
  const file = source.openFile(node.checksum);
  if (file.linkTarget !== undefined || file.size > maximumSize) return undefined;
  return Buffer.concat(await Array.fromAsync(file.read())).toString('utf8');
}
