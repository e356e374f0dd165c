import { statfs } from 'node:fs/promises';
import { OstreeError } from './error.ts';

/** The share of a file system that ostree itself leaves free (ostree.repo-config(5), core.min-free-space-percent). */
const reservedShare = 0.03;

/**
 * Refuses work that cannot fit. `bytes` is the least that will be written.
 * @throws OstreeError DISK_FULL
 */
export async function assertDiskSpace(path: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(path);
  const free = Math.max(0, bavail * bsize - Math.ceil(blocks * bsize * reservedShare));
  if (bytes <= free) return;
  throw new OstreeError(
    'DISK_FULL',
    `${path} has ${free} bytes to spare and at least ${bytes} are needed; free ${bytes - free} bytes and try again`,
  );
}

/**
 * Turns "no space left" and "quota exceeded" into an error that says what to do; returns any other error as it is.
 * `bytes` is what was still to be written at least.
 */
export function explainDiskFull(error: unknown, path: string, bytes: number): unknown {
  if (!isSystemError(error) || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) return error;
  return new OstreeError(
    'DISK_FULL',
    `the file system of ${path} is full and at least ${bytes} more bytes are needed; free some space and try again`,
    { cause: error },
  );
}

/** Whether a command's message is about a full disk: strerror(3), and ostree's own check of min-free-space. */
export function isDiskFullText(text: string): boolean {
  return /No space left on device|Disk quota exceeded|min-free-space-/.test(text);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
