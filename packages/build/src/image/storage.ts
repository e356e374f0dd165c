// Where buildah keeps layers between builds, and how: overlay where the kernel has it, fuse-overlayfs where it is installed,
// else plain copies.

import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CommandFailure, runCommand } from '../command.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

export type StorageDriver = 'overlay' | 'fuse-overlayfs' | 'vfs';

export interface BuildahStorage {
  readonly driver: StorageDriver;
  /** buildah's global options for it. */
  readonly options: readonly string[];
  readonly lockFile: string;
}

/** Chooses a driver for a storage directory. A directory that was used before keeps its driver. */
export async function openStorage(
  directory: string,
  wanted: StorageDriver | 'auto',
  signal?: AbortSignal,
): Promise<BuildahStorage> {
  const root = resolve(directory);
  await fs.mkdir(root, { recursive: true });
  const marker = join(root, 'varve-driver');
  const used = parseDriver(await fs.readFile(marker, 'utf8').catch(() => ''));
  const driver = wanted === 'auto' ? (used ?? (await chooseDriver(root, signal))) : wanted;
  if (driver !== used) await fs.writeFile(marker, driver);
  // Mount counts must not outlive a reboot, so they lie under /run.
  const run = join('/run/varve-build', createHash('sha256').update(root).digest('hex').slice(0, 16));
  await fs.mkdir(run, { recursive: true, mode: 0o700 });
  const options = storageOptions(driver, join(root, 'containers'), run);
  return { driver, options, lockFile: join(run, 'builds.lock') };
}

export function storageOptions(driver: StorageDriver, root: string, run: string): string[] {
  const options = ['--root', root, '--runroot', run, '--storage-driver', driver === 'vfs' ? 'vfs' : 'overlay'];
  if (driver === 'fuse-overlayfs') options.push('--storage-opt', 'overlay.mount_program=/usr/bin/fuse-overlayfs');
  return options;
}

async function chooseDriver(directory: string, signal?: AbortSignal): Promise<StorageDriver> {
  for (const driver of ['overlay', 'fuse-overlayfs'] as const) {
    if (await works(driver, directory, signal)) return driver;
  }
  return 'vfs';
}

/** Lets buildah open an empty storage on the same file system: it tries a mount. */
async function works(driver: StorageDriver, directory: string, signal?: AbortSignal): Promise<boolean> {
  await using trial = await temporaryDirectory(directory, 'trial-');
  const options = storageOptions(driver, join(trial.path, 'root'), join(trial.path, 'run'));
  try {
    await runCommand('buildah', [...options, 'info'], { signal, timeout: 60_000 });
    return true;
  } catch (error) {
    if (error instanceof CommandFailure) return false;
    throw error;
  }
}

function parseDriver(text: string): StorageDriver | undefined {
  return text === 'overlay' || text === 'fuse-overlayfs' || text === 'vfs' ? text : undefined;
}
