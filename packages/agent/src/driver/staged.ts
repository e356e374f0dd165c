// What OSTree makes the next boot at shutdown, and what another tool may have staged. While something is staged it comes
// first in OSTree's own list, so that the numbers of all others are off by one: it goes before anything else is done.
import { access, readFile } from 'node:fs/promises';
import type { DeploymentIdentity, Sysroot } from '@varve/ostree';
import { isErrno } from '../state/durable-file.ts';

/** There while something is staged (ostree src/libostree/ostree-sysroot-private.h, _OSTREE_SYSROOT_RUNSTATE_STAGED). */
export const stagedPath = '/run/ostree/staged-deployment';

/** ostree-admin-undeploy(1): what is staged comes first in OSTree's list. bootc has no verb for it. */
export const discardArguments = ['admin', 'undeploy', '0'];

export async function isStaged(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** The origin file of a deployment, without what holds for that deployment alone; undefined when it has none. */
export async function readOrigin(sysroot: Sysroot, deployment: DeploymentIdentity): Promise<string | undefined> {
  try {
    return withoutTransient(await readFile(`${sysroot.deploymentPath(deployment)}.origin`, 'utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Pure. The group `libostree-transient` says that a deployment is pinned (ostree-deployment.c). */
export function withoutTransient(origin: string): string {
  const kept: string[] = [];
  let isTransient = false;
  for (const line of origin.split('\n')) {
    if (line.startsWith('[')) isTransient = line.startsWith('[libostree-transient]');
    if (!isTransient) kept.push(line);
  }
  return `${kept.join('\n').trimEnd()}\n`;
}
