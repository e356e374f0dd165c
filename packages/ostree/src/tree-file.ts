// Writing into a directory tree that others may have shaped, such as a deployment's /etc. A symbolic link anywhere on the
// way could lead out of the tree and onto the running system, so that every part of a path is opened by itself, from the
// directory before it and without following links. Node has no openat(2); /proc/self/fd/N/NAME is the same.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, symlink, unlink } from 'node:fs/promises';
import { OstreeError } from './error.ts';

export interface TreeFileOptions {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Gives the file what else it is to have, before anybody sees it. */
  readonly finish?: (fd: number) => Promise<void>;
}

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Writes a file at a path below `root`: atomically, and lasting when this returns. Missing directories are made with mode
 * 0755; a file or a symbolic link at the path itself is replaced.
 * @throws OstreeError TREE_PATH_UNSAFE for a path with `..` or through a symbolic link
 */
export async function writeFileInTree(
  root: string,
  path: string,
  content: Uint8Array,
  options: TreeFileOptions,
): Promise<void> {
  await replaceInTree(root, path, async (temporary) => {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(content);
    // The owner first: the kernel clears setuid and setgid when it changes.
    await file.chown(options.uid, options.gid);
    await file.chmod(options.mode & 0o7777);
    await options.finish?.(file.fd);
    await file.sync();
  });
}

/**
 * Makes a symbolic link at a path below `root`, as `writeFileInTree` makes a file. Where the link leads is not looked at.
 * @throws OstreeError TREE_PATH_UNSAFE
 */
export async function writeSymlinkInTree(root: string, path: string, target: string): Promise<void> {
  await replaceInTree(root, path, (temporary) => symlink(target, temporary));
}

/**
 * The content of a regular file below `root`, or undefined when there is nothing.
 * @throws OstreeError TREE_PATH_UNSAFE, also when the path itself is a symbolic link or a device
 */
export async function readFileInTree(root: string, path: string): Promise<Buffer | undefined> {
  const { parents, name } = splitPath(path);
  try {
    await using directory = await openDirectory(root, parents, 'must-exist');
    // Not blocking, so that a pipe in the file's place cannot hold us.
    await using file = await open(entryPath(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw unsafe(path, 'is not a regular file');
    return await file.readFile();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw explainLink(error, path);
  }
}

/**
 * Removes a file or a symbolic link below `root` and says whether there was one.
 * @throws OstreeError TREE_PATH_UNSAFE, also for a directory
 */
export async function removeInTree(root: string, path: string): Promise<boolean> {
  const { parents, name } = splitPath(path);
  try {
    await using directory = await openDirectory(root, parents, 'must-exist');
    await unlink(entryPath(directory, name));
    await directory.sync();
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return false;
    if (code === 'EISDIR' || code === 'EPERM') throw unsafe(path, 'is a directory or immutable', error);
    throw explainLink(error, path);
  }
}

async function replaceInTree(root: string, path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const { parents, name } = splitPath(path);
  try {
    await using directory = await openDirectory(root, parents, 'create');
    const temporary = entryPath(directory, `.varve-${randomUUID()}`);
    try {
      await write(temporary);
      await rename(temporary, entryPath(directory, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await directory.sync();
  } catch (error) {
    throw explainLink(error, path);
  }
}

/** Opens the directory that `parents` name, one after the other. The caller closes it. */
async function openDirectory(
  root: string,
  parents: readonly string[],
  missing: 'create' | 'must-exist',
): Promise<FileHandle> {
  let directory = await open(root, O_RDONLY | O_DIRECTORY);
  for (const name of parents) {
    const parent = directory;
    try {
      if (missing === 'create') await makeDirectory(parent, name);
      directory = await open(entryPath(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } finally {
      await parent.close();
    }
  }
  return directory;
}

async function makeDirectory(parent: FileHandle, name: string): Promise<void> {
  const path = entryPath(parent, name);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw error;
  }
  // Not by mkdir, whose mode the umask changes.
  await using directory = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  await directory.chmod(0o755);
  await parent.sync();
}

function entryPath(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

function splitPath(path: string): { parents: readonly string[]; name: string } {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.at(-1);
  if (name === undefined || parts.includes('..') || path.includes('\0')) {
    throw unsafe(path, 'names nothing inside of the tree');
  }
  return { parents: parts.slice(0, -1), name };
}

/** What open(2) says of a symbolic link under O_NOFOLLOW, with and without O_DIRECTORY. */
function explainLink(error: unknown, path: string): unknown {
  const code = codeOf(error);
  if (code !== 'ELOOP' && code !== 'ENOTDIR') return error;
  return unsafe(path, 'leads through a symbolic link or a file', error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function unsafe(path: string, why: string, cause?: unknown): OstreeError {
  return new OstreeError(
    'TREE_PATH_UNSAFE',
    `${JSON.stringify(path.slice(0, 300))} ${why}; use a path of directories that are there or can be made`,
    { cause },
  );
}
