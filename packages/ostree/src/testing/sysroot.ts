// Repositories and sysroots in temporary directories, checked with the real `ostree`.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import spawn, { SubprocessError } from 'nano-spawn';

/** Fails unless every object of the repository is what its name says and no commit misses one. */
export async function fsck(repository: string): Promise<void> {
  await ostree('fsck', '--quiet', `--repo=${repository}`);
}

export async function ostree(...args: string[]): Promise<string> {
  // ostree writes ? for names that the locale has no letters for.
  try {
    return (await spawn('ostree', args, { env: { LC_ALL: 'C.UTF-8' } })).stdout;
  } catch (error) {
    if (error instanceof SubprocessError) error.message += `\n${error.stderr}`;
    throw error;
  }
}

/** Removes a directory with a sysroot in it: deployments are immutable. */
export async function removeSysroot(path: string): Promise<void> {
  const stateroots = join(path, 'ostree/deploy');
  for (const stateroot of await readdir(stateroots).catch(() => [])) {
    const deployments = join(stateroots, stateroot, 'deploy');
    for (const name of await readdir(deployments).catch(() => [])) {
      if (!name.endsWith('.origin')) await spawn('chattr', ['-i', join(deployments, name)]);
    }
  }
  await rm(path, { recursive: true, force: true });
}
