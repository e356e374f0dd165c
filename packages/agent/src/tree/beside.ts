// Entries beside the one they are to replace, or to be kept for: the two halves of a swap. All are names in the same
// directory, so that a rename is atomic and a hard link keeps content, mode, owner and extended attributes.
import { lchown, link, open, rename, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../state/durable-file.ts';
import { writeExtended } from './extended-attributes.ts';
import type { Attributes, Tree } from './tree.ts';

/**
 * Writes a file beside `path`. It is not synced: the caller syncs the file system once for all. Never through what lies
 * there already: who owns the directory may have guessed the name from another one of the same transaction.
 */
export async function writeFileBeside(
  tree: Tree,
  path: string,
  name: string,
  content: Uint8Array,
  { mode, uid, gid, extended }: Attributes,
): Promise<void> {
  await tree.inParent(path, async (parent) => {
    await using file = await open(join(parent, name), 'wx', 0o600);
    await file.writeFile(content);
    // The owner first: the kernel clears setuid and setgid when it changes.
    await file.chown(uid, gid);
    await file.chmod(mode);
    await writeExtended(file.fd, extended);
  });
}

export async function writeLinkBeside(
  tree: Tree,
  path: string,
  name: string,
  target: string,
  { uid, gid }: Omit<Attributes, 'mode'>,
): Promise<void> {
  await tree.inParent(path, async (parent) => {
    await symlink(target, join(parent, name));
    await lchown(join(parent, name), uid, gid);
  });
}

/** Gives the file or link at `path` a second name beside it. */
export async function keepBeside(tree: Tree, path: string, name: string): Promise<void> {
  await tree.inParent(path, async (parent, entry) => await link(join(parent, entry), join(parent, name)));
}

/** Puts an entry beside `path` in its place, in one step. False when there is no such entry beside it. */
export async function swapIn(tree: Tree, path: string, name: string): Promise<boolean> {
  try {
    await tree.inParent(path, async (parent, entry) => await rename(join(parent, name), join(parent, entry)));
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

export async function removeBeside(tree: Tree, path: string, name: string): Promise<void> {
  try {
    await tree.inParent(path, async (parent) => await unlink(join(parent, name)));
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}
