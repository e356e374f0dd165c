// Making files and directories last: after that, they are there whatever happens to the machine.
import { closeSync, fsync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { runCommand } from './command.ts';

/**
 * Up to this number they are synced one by one. More are left to one sync of the whole file system, which takes a process,
 * 10 ms, and 20 ms more where ours is large; and it waits for whatever others have written.
 */
export const maximumSingly = 500;
/** As many as Node has threads for it. */
const atOnce = 4;

const syncDescriptor = promisify(fsync);

/** Makes files and directories of one file system last. A symbolic link lasts with its directory. */
export async function syncPaths(paths: Iterable<string>, signal?: AbortSignal): Promise<void> {
  // No more than are needed: the names of all the files of an operating system take 10 MB.
  const few = Iterator.from(paths)
    .take(maximumSingly + 1)
    .toArray();
  const [first] = few;
  if (first === undefined) return;
  signal?.throwIfAborted();
  if (few.length > maximumSingly) await syncFileSystem(first, signal);
  else await syncSingly(few);
}

/** Makes everything last that was written to a path's file system, by whomever. */
export async function syncFileSystem(path: string, signal?: AbortSignal): Promise<void> {
  await runCommand('sync', ['--file-system', path], { signal });
}

async function syncSingly(paths: readonly string[]): Promise<void> {
  const rest = paths.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const path of rest) await syncPath(path);
    }),
  );
}

async function syncPath(path: string): Promise<void> {
  const descriptor = openSync(path, 'r');
  try {
    await syncDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
