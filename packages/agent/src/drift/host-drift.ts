// Everything in which a booted host can differ from what was applied to it. Pure on the host's state, reads the tree.
import { checkContent, type Drift } from '../content/check.ts';
import type { DigestCache } from '../content/digest-cache.ts';
import type { HostState } from '../driver/driver.ts';
import { treeOf } from '../tree/tree-of.ts';

/** Longest list that the API takes (MachineConfigNode, status.drift). */
export const maxDrift = 100;

/** Empty on a host without a record: nothing was promised about it. With a cache, files that nothing touched are not read. */
export async function hostDrift(host: HostState, cache?: DigestCache): Promise<Drift[]> {
  const { applied } = host.booted;
  if (!applied) return [];
  const tree = treeOf(host.booted);
  const drift = [...bootDrift(host), ...(await checkContent(tree, applied, { cache }))];
  return drift.slice(0, maxDrift);
}

/** Kernel arguments: what runs, and what the boot entry would start again. The record holds for one commit only, and so for one image. */
export function bootDrift(host: HostState): Drift[] {
  const { applied } = host.booted;
  if (!applied) return [];
  const drift: Drift[] = [];
  const wanted = applied.kernelArguments;
  if (!sameList(host.bootedKernelArguments, wanted)) {
    const message = `the host was booted with "${host.bootedKernelArguments.join(' ')}", the config says "${wanted.join(' ')}"`;
    drift.push({ path: '/proc/cmdline', kind: 'KernelArgument', message });
  } else if (!sameList(host.booted.kernelArguments, wanted)) {
    const message = `the boot entry has "${host.booted.kernelArguments.join(' ')}", the config says "${wanted.join(' ')}"`;
    drift.push({ path: '/boot/loader/entries', kind: 'KernelArgument', message });
  }
  return drift;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
