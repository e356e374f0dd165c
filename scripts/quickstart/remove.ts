// Removes hosts. OSTree marks the root directory of each deployment immutable (chattr +i), which rm does not get past.
import { glob, rm } from 'node:fs/promises';
import spawn from 'nano-spawn';

export async function removeTree(path: string): Promise<void> {
  const deployments: string[] = [];
  for await (const entry of glob(`${path}/**/ostree/deploy/*/deploy/*.[0-9]*`, {
    // Deployments hold whole operating systems: look no deeper than their roots.
    exclude: (name) => /\.[0-9]+$|^repo$|^var$/.test(name),
  })) {
    if (!entry.endsWith('.origin')) deployments.push(entry);
  }
  if (deployments.length > 0) await spawn('chattr', ['-i', ...deployments]);
  await rm(path, { recursive: true, force: true });
}
