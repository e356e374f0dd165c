// Files and directories in a repository's tmp/ while something is being made. Their names say whose they are, so that what
// a killed process left can be told from what another one works on. (`ostree` itself removes what is older than a day.)
import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFileSystem } from './sync.ts';

const temporaryName = /^varve-(\d+)-/;

/** Names of this process that something is still being made under. */
const inUse = new Set<string>();

/** A path that nothing has yet, on the repository's file system. `removeTemporary` gives it up again. */
export function temporaryPath(repositoryPath: string): string {
  const name = `varve-${process.pid}-${randomUUID()}`;
  inUse.add(name);
  return join(repositoryPath, 'tmp', name);
}

/** Gives up a path, and removes what is there. Where that fails, `removeStaleTemporaries` does it later. */
export async function removeTemporary(path: string): Promise<void> {
  inUse.delete(basename(path));
  await rm(path, { recursive: true, force: true });
}

/** Removes what processes left that are gone. Where there is something, what these processes named lasts when this returns. */
export async function removeStaleTemporaries(repositoryPath: string): Promise<void> {
  const parent = join(repositoryPath, 'tmp');
  const stale = (await readdir(parent)).filter(isStale);
  // Before it is forgotten that a process was killed: an object that is seen is taken for one that lasts.
  if (stale.length > 0) await syncFileSystem(parent);
  for (const name of stale) await rm(join(parent, name), { recursive: true, force: true });
}

function isStale(name: string): boolean {
  const pid = Number(temporaryName.exec(name)?.[1] ?? Number.NaN);
  if (Number.isNaN(pid)) return false;
  // What has this process's number may be another's: in a container the restarted process often has the same one.
  return pid === process.pid ? !inUse.has(name) : !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
