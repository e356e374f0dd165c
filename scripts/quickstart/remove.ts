// Removes hosts. OSTree marks the root directory of each deployment immutable (chattr +i), which rm does not get past.
import { glob, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import spawn from 'nano-spawn';

const stateEntries = /^(server|hosts|logs)$/;
const cacheEntries = /^(base|build|node|tools-[a-z]+|kubectl-.+|(base|build)-\d+-[A-Za-z0-9]{6})$/;

/** Removes what a quickstart made in its directory, and the directory when nothing else is in it. */
export async function removeState(directory: string): Promise<void> {
  await removeEntries(directory, stateEntries);
}

/** Removes what the varve command and the quickstart cached, and the directory when nothing else is in it. */
export async function removeCache(directory: string): Promise<void> {
  await removeEntries(directory, cacheEntries);
}

/** Only what is known to be ours: a slip in --directory or --cache must not cost a user's files. */
async function removeEntries(directory: string, ours: RegExp): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (ours.test(name)) await removeTree(join(directory, name));
  if (names.length > 0 && names.every((name) => ours.test(name))) await rmdir(directory);
}

export async function removeTree(path: string): Promise<void> {
  const deployments: string[] = [];
  for await (const entry of glob(`${path}/**/ostree/deploy/*/deploy/*.[0-9]*`, {
    // Deployments hold whole operating systems: look no deeper than their roots.
    exclude: (name) => /\.[0-9]+$|^repo$|^var$/.test(name),
  })) {
    if (!entry.endsWith('.origin')) deployments.push(entry);
  }
  if (deployments.length > 0) await spawn('chattr', ['-i', ...deployments]);
  // What is mounted below is somebody else's: Node's rm would walk into it.
  await spawn('rm', ['-rf', '--one-file-system', '--', path]);
}
