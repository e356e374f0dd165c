// A directory tree as plain data: names and checksums, no content. Trees are read from commits, merged and written back. A
// directory that is in a repository is read when it is looked into: what a merge does not touch, it never reads.
import type { OstreeChecksum } from './checksum.ts';
import { metadataStrings } from './objects/commit.ts';
import { encodeDirectoryTree } from './objects/dirtree.ts';
import type { Repository } from './repository.ts';
import type { ObjectStaging } from './staging.ts';
import { whiteoutOf } from './whiteout.ts';

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
  /** True when nothing in it, however deep, is a whiteout; false when that is not known. */
  readonly hasNoWhiteouts: boolean;
  /** The object that it is, where it is in the repository already. */
  readonly object?: OstreeChecksum | undefined;
  readonly entries: ReadonlyMap<string, TreeNode>;
}

export type TreeNode = TreeFile | TreeDirectory;

/** Key of a layer commit's metadata: the paths of its implicit directories. Its absence marks commits of other tools. */
export const implicitDirectoriesKey = 'varve.implicit-directories';

/** Key of a layer commit's metadata: the paths of the directories that have whiteouts. Absent where that is not known. */
export const whiteoutDirectoriesKey = 'varve.whiteout-directories';

/** What lies at a path, or undefined. Symbolic links are not followed. */
export function nodeAt(tree: TreeDirectory, path: string): TreeNode | undefined {
  let node: TreeNode | undefined = tree;
  for (const part of path.split('/')) {
    if (node?.type !== 'directory') return undefined;
    node = node.entries.get(part);
  }
  return node;
}

/** A directory with the same metadata and other entries. */
export function withEntries({ metadata }: TreeDirectory, entries: ReadonlyMap<string, TreeNode>): TreeDirectory {
  return { type: 'directory', metadata, implicit: false, hasNoWhiteouts: false, entries };
}

/** Checksums of all files in a tree. */
export function fileChecksums(tree: TreeDirectory): Set<OstreeChecksum> {
  const checksums = new Set<OstreeChecksum>();
  for (const { directory } of directoriesIn(tree)) {
    for (const node of directory.entries.values()) if (node.type === 'file') checksums.add(node.checksum);
  }
  return checksums;
}

/** All directories of a tree with their paths, the root's being ''; a directory before those in it. */
export function* directoriesIn(
  tree: TreeDirectory,
  path = '',
): Generator<{ path: string; directory: TreeDirectory }, void, undefined> {
  yield { path, directory: tree };
  for (const [name, node] of tree.entries) {
    if (node.type === 'directory') yield* directoriesIn(node, path === '' ? name : `${path}/${name}`);
  }
}

/** A directory that is an object, in a repository or on its way there. */
export interface WrittenTree extends TreeDirectory {
  readonly object: OstreeChecksum;
}

/** Writes those of the tree's directories as objects that are none yet, and returns the tree with all of them as objects. */
export function writeTree(staging: ObjectStaging, directory: TreeDirectory): WrittenTree {
  if (isStored(directory)) return directory;
  const { type, metadata, implicit } = directory;
  const files = new Map<string, OstreeChecksum>();
  const directories = new Map<string, { tree: OstreeChecksum; metadata: OstreeChecksum }>();
  const entries = new Map<string, TreeNode>();
  let hasNoWhiteouts = true;
  for (const [name, node] of directory.entries) {
    if (node.type === 'file') {
      files.set(name, node.checksum);
      entries.set(name, node);
      hasNoWhiteouts &&= whiteoutOf(name) === undefined;
    } else {
      const stored = writeTree(staging, node);
      directories.set(name, { tree: stored.object, metadata: stored.metadata });
      entries.set(name, stored);
      hasNoWhiteouts &&= stored.hasNoWhiteouts;
    }
  }
  const object = staging.writeMetadata('dirtree', encodeDirectoryTree({ files, directories }));
  return { type, metadata, implicit, hasNoWhiteouts, object, entries };
}

function isStored(directory: TreeDirectory): directory is WrittenTree {
  return directory.object !== undefined;
}

/** Reads the tree of a commit, or tells by `undefined` that something of it is missing. */
export type ReadTree = (repository: Repository, checksum: OstreeChecksum) => TreeDirectory | undefined;

/**
 * The tree of a commit; its directories are read when they are looked into, and that throws what this does.
 * @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID
 */
export function readTree(repository: Repository, checksum: OstreeChecksum): TreeDirectory {
  const commit = repository.readCommit(checksum);
  const whiteouts = metadataStrings(commit, whiteoutDirectoriesKey);
  return new StoredDirectory(commit.tree, commit.treeMetadata, '', {
    repository,
    implicit: new Set(metadataStrings(commit, implicitDirectoriesKey)),
    whiteouts: whiteouts?.map((path) => `/${path}/`).sort(),
  });
}

/** Reads the whole tree of a commit; undefined when the repository misses an object of it. */
export function readCompleteTree(repository: Repository, checksum: OstreeChecksum): TreeDirectory | undefined {
  const tree = readTree(repository, checksum);
  for (const file of fileChecksums(tree)) if (!repository.hasObject(file, 'file')) return undefined;
  const metadata = new Set([...directoriesIn(tree)].map(({ directory }) => directory.metadata));
  for (const checksum of metadata) if (!repository.hasObject(checksum, 'dirmeta')) return undefined;
  return tree;
}

interface StoredTree {
  readonly repository: Repository;
  readonly implicit: ReadonlySet<string>;
  /** Directories that have whiteouts, each between slashes, sorted. */
  readonly whiteouts: readonly string[] | undefined;
}

class StoredDirectory implements WrittenTree {
  readonly type = 'directory';
  readonly object: OstreeChecksum;
  readonly metadata: OstreeChecksum;
  readonly #path: string;
  readonly #tree: StoredTree;
  #entries: ReadonlyMap<string, TreeNode> | undefined;

  constructor(object: OstreeChecksum, metadata: OstreeChecksum, path: string, tree: StoredTree) {
    this.object = object;
    this.metadata = metadata;
    this.#path = path;
    this.#tree = tree;
  }

  get implicit(): boolean {
    return this.#tree.implicit.has(this.#path);
  }

  get hasNoWhiteouts(): boolean {
    const { whiteouts } = this.#tree;
    return whiteouts !== undefined && !hasPrefix(whiteouts, this.#path === '' ? '/' : `/${this.#path}/`);
  }

  get entries(): ReadonlyMap<string, TreeNode> {
    this.#entries ??= this.#read();
    return this.#entries;
  }

  #read(): Map<string, TreeNode> {
    const { files, directories } = this.#tree.repository.readDirTree(this.object);
    const entries = new Map<string, TreeNode>();
    for (const [name, checksum] of files) entries.set(name, { type: 'file', checksum });
    for (const [name, { tree, metadata }] of directories) {
      const path = this.#path === '' ? name : `${this.#path}/${name}`;
      entries.set(name, new StoredDirectory(tree, metadata, path, this.#tree));
    }
    return entries;
  }
}

/** Whether any of the texts, which are sorted, begins with a prefix. */
function hasPrefix(sorted: readonly string[], prefix: string): boolean {
  let [start, end] = [0, sorted.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    if ((sorted[middle] ?? '') < prefix) start = middle + 1;
    else end = middle;
  }
  return sorted[start]?.startsWith(prefix) === true;
}
