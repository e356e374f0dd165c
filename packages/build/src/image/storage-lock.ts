// Builds share a storage; a build that was killed leaves its container there, and the layers that it holds. Each build holds
// a shared lock (flock(1), so the kernel drops it with its process); who gets the exclusive lock knows that every container
// was left behind.
import { once } from 'node:events';
import spawn from 'nano-spawn';
import { CommandFailure, runCommand } from '../command.ts';
import { BuildError } from '../error.ts';
import type { BuildahStorage } from './storage.ts';

const lockTimeout = 5 * 60_000;

/** Keeps containers in a storage from being taken for left ones until the end of the scope. */
export async function holdStorage(storage: BuildahStorage, signal?: AbortSignal): Promise<AsyncDisposable> {
  // cat holds the lock as long as its input is open: also kill -9 of this process ends that.
  const holder = spawn('flock', ['--shared', '--no-fork', storage.lockFile, 'cat']);
  const ended = holder.then(
    () => undefined,
    () => undefined,
  );
  const child = await holder.nodeChildProcess;
  const release = async () => {
    child.stdin?.end();
    await ended;
  };
  const waits = [AbortSignal.timeout(lockTimeout), ...(signal === undefined ? [] : [signal])];
  try {
    child.stdin?.write('held\n');
    if (child.stdout !== null) await once(child.stdout, 'data', { signal: AbortSignal.any(waits) });
  } catch (cause) {
    child.kill();
    await ended;
    signal?.throwIfAborted();
    throw new BuildError(
      'BUILD_STORAGE_FAILED',
      `${storage.lockFile} could not be locked; see who holds it with lslocks`,
      {
        cause,
      },
    );
  }
  return { [Symbol.asyncDispose]: release };
}

/** Removes containers of builds that ended badly, unless a build is running. */
export async function removeLeftContainers(storage: BuildahStorage): Promise<void> {
  const remove = ['buildah', ...storage.options, 'rm', '--all'];
  try {
    const lock = ['--exclusive', '--nonblock', '--no-fork', storage.lockFile];
    await runCommand('flock', [...lock, ...remove], { timeout: lockTimeout });
  } catch (error) {
    // Another build holds the storage, or the removal failed: the next build tries again.
    if (!(error instanceof CommandFailure)) throw error;
  }
}
