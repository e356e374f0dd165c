// Writing files as a bare repository has them.
import { closeSync, fchmodSync, fchownSync, ftruncateSync, futimesSync, openSync, writeSync } from 'node:fs';
import type { FileMetadata } from './objects/file.ts';

/** Owner and permissions of an object's file in the repository; metadata objects are root's and 0644. */
type Ownership = Pick<FileMetadata, 'uid' | 'gid' | 'mode'>;

/** Writes a new file. With `flush` it is on its way to the disk when this returns. */
export function writeWhole(path: string, bytes: Uint8Array, ownership: Ownership, flush: boolean): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    if (flush) flushWhenClosed(descriptor);
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    setOwnership(descriptor, ownership);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Lets the kernel begin to write a new file to the disk when it is closed. ext4 does that with files that were made empty
 * (`auto_da_alloc` in ext4(5)); elsewhere this changes nothing. Otherwise it places the blocks of a file only when somebody
 * syncs it or half a minute is over, and each of many files that are synced waits for a commit of the journal of its own:
 * 100 take 90 ms, and 20 ms so. Not for many more, or large ones: the kernel does it with less by itself, and on another processor.
 */
function flushWhenClosed(descriptor: number): void {
  ftruncateSync(descriptor, 0);
}

/** The owner first: the kernel clears setuid and setgid when it changes. The time of every file in a bare repository is 0. */
export function setOwnership(descriptor: number, { uid, gid, mode }: Ownership): void {
  fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o7777);
  futimesSync(descriptor, 0, 0);
}
