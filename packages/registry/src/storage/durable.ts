// Files that are there as a whole or not at all, also after a power cut: written aside, synced, renamed, directory synced.
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasSystemCode } from '../error.ts';

export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

/** Makes a directory and those above it, and syncs each whose entries changed. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let changed = dirname(path); ; changed = dirname(changed)) {
    await syncDirectory(changed);
    if (changed.length < first.length) return;
  }
}

/** Replaces a file. `scratch` is a directory in the same file system for what is not complete. */
export async function replaceFile(path: string, content: Uint8Array | string, scratch: string): Promise<void> {
  const temporary = join(scratch, randomUUID());
  try {
    {
      await using file = await open(temporary, 'wx', 0o600);
      await file.writeFile(content);
      await file.sync();
    }
    await makeDirectory(dirname(path));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Gives a file a second name. No error where that name is taken. */
export async function linkFile(existing: string, path: string): Promise<void> {
  await makeDirectory(dirname(path));
  try {
    await link(existing, path);
  } catch (error) {
    if (!hasSystemCode(error, 'EEXIST')) throw error;
  }
  await syncDirectory(dirname(path));
}

/** Removes a file; false where there is none. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
  await syncDirectory(dirname(path));
  return true;
}
