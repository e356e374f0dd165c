// Files and directories in a repository's tmp/ while something is being made. Their names say whose they are, so that what
// a killed process left can be told from what another one works on. (`ostree` itself removes what is older than a day.)
import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFileSystem } from './sync.ts';

const temporaryName = /^varve-(\d+)-/;

/** A path that nothing has yet, on the repository's file system. */
export function temporaryPath(repositoryPath: string): string {
  return join(repositoryPath, 'tmp', `varve-${process.pid}-${randomUUID()}`);
}

/** Removes what processes left that are gone. Where there is something, what these processes named lasts when this returns. */
export async function removeStaleTemporaries(repositoryPath: string): Promise<void> {
  const parent = join(repositoryPath, 'tmp');
  const stale: string[] = [];
  for (const name of await readdir(parent)) {
    const pid = temporaryName.exec(name)?.[1];
    const path = join(parent, name);
    if (pid !== undefined && (await isStale(path, Number(pid)))) stale.push(path);
  }
  // Before it is forgotten that a process was killed: an object that is seen is taken for one that lasts.
  if (stale.length > 0) await syncFileSystem(parent);
  for (const path of stale) await rm(path, { recursive: true, force: true });
}

async function isStale(path: string, pid: number): Promise<boolean> {
  if (pid !== process.pid) return !isAlive(pid);
  // In a container the restarted process often has the same number.
  const { mtimeMs } = await stat(path);
  return mtimeMs < Date.now() - process.uptime() * 1000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
