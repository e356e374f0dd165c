// Writing files as a bare repository has them.
import { closeSync, fchmodSync, fchownSync, futimesSync, openSync, writeSync } from 'node:fs';
import type { FileMetadata } from './objects/file.ts';

/** Owner and permissions of an object's file in the repository; metadata objects are root's and 0644. */
type Ownership = Pick<FileMetadata, 'uid' | 'gid' | 'mode'>;

export function writeWhole(path: string, bytes: Uint8Array, ownership: Ownership): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    setOwnership(descriptor, ownership);
  } finally {
    closeSync(descriptor);
  }
}

/** The owner first: the kernel clears setuid and setgid when it changes. The time of every file in a bare repository is 0. */
export function setOwnership(descriptor: number, { uid, gid, mode }: Ownership): void {
  fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o7777);
  futimesSync(descriptor, 0, 0);
}
