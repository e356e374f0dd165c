// A directory tree as plain data: names and checksums, no content. Trees are read from commits, merged and written back.
import type { OstreeChecksum } from './checksum.ts';
import { metadataStrings } from './objects/commit.ts';
import { encodeDirectoryTree } from './objects/dirtree.ts';
import type { Repository } from './repository.ts';
import type { ObjectStaging } from './staging.ts';

export interface TreeFile {
  readonly type: 'file';
  readonly checksum: OstreeChecksum;
}

export interface TreeDirectory {
  readonly type: 'directory';
  /** Checksum of its owner, permissions and extended attributes. */
  readonly metadata: OstreeChecksum;
  /** True when a layer has no entry for it, only for something in it: then it says nothing about its metadata. */
  readonly implicit: boolean;
  readonly entries: ReadonlyMap<string, TreeNode>;
}

export type TreeNode = TreeFile | TreeDirectory;

/** Key of a layer commit's metadata: the paths of its implicit directories. Its absence marks commits of other tools. */
export const implicitDirectoriesKey = 'varve.implicit-directories';

/** What lies at a path, or undefined. Symbolic links are not followed. */
export function nodeAt(tree: TreeDirectory, path: string): TreeNode | undefined {
  let node: TreeNode | undefined = tree;
  for (const part of path.split('/')) {
    if (node?.type !== 'directory') return undefined;
    node = node.entries.get(part);
  }
  return node;
}

/** Checksums of all files in a tree. */
export function fileChecksums(tree: TreeDirectory): Set<OstreeChecksum> {
  const checksums = new Set<OstreeChecksum>();
  const directories = [tree];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const node of directory.entries.values()) {
      if (node.type === 'file') checksums.add(node.checksum);
      else directories.push(node);
    }
  }
  return checksums;
}

/** Paths of all implicit directories, the root's being ''. */
export function* implicitDirectories(tree: TreeDirectory, path = ''): Generator<string, void, undefined> {
  if (tree.implicit) yield path;
  for (const [name, node] of tree.entries) {
    if (node.type === 'directory') yield* implicitDirectories(node, path === '' ? name : `${path}/${name}`);
  }
}

/** Writes the tree's directories as objects and returns the checksum of the root. */
export function writeTree(staging: ObjectStaging, { entries }: TreeDirectory): OstreeChecksum {
  const files = new Map<string, OstreeChecksum>();
  const directories = new Map<string, { tree: OstreeChecksum; metadata: OstreeChecksum }>();
  for (const [name, node] of entries) {
    if (node.type === 'file') files.set(name, node.checksum);
    else directories.set(name, { tree: writeTree(staging, node), metadata: node.metadata });
  }
  return staging.writeMetadata('dirtree', encodeDirectoryTree({ files, directories }));
}

/** Reads the tree of a commit. */
export async function readTree(repository: Repository, checksum: OstreeChecksum): Promise<TreeDirectory> {
  const commit = await repository.readCommit(checksum);
  const implicit = new Set(metadataStrings(commit, implicitDirectoriesKey));
  return readDirectory(repository, commit.tree, commit.treeMetadata, '', implicit);
}

/** Reads the tree of a commit; undefined when the repository misses an object of it. */
export async function readCompleteTree(
  repository: Repository,
  checksum: OstreeChecksum,
): Promise<TreeDirectory | undefined> {
  const tree = await readTree(repository, checksum);
  for (const file of fileChecksums(tree)) if (!repository.hasObject(file, 'file')) return undefined;
  for (const metadata of metadataChecksums(tree)) if (!repository.hasObject(metadata, 'dirmeta')) return undefined;
  return tree;
}

function metadataChecksums(tree: TreeDirectory, found = new Set<OstreeChecksum>()): Set<OstreeChecksum> {
  found.add(tree.metadata);
  for (const node of tree.entries.values()) if (node.type === 'directory') metadataChecksums(node, found);
  return found;
}

async function readDirectory(
  repository: Repository,
  tree: OstreeChecksum,
  metadata: OstreeChecksum,
  path: string,
  implicit: ReadonlySet<string>,
): Promise<TreeDirectory> {
  const { files, directories } = await repository.readDirTree(tree);
  const entries = new Map<string, TreeNode>();
  for (const [name, checksum] of files) entries.set(name, { type: 'file', checksum });
  for (const [name, child] of directories) {
    const childPath = path === '' ? name : `${path}/${name}`;
    entries.set(name, await readDirectory(repository, child.tree, child.metadata, childPath, implicit));
  }
  return { type: 'directory', metadata, implicit: implicit.has(path), entries };
}
