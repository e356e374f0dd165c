// The deployments of one stateroot, found by what the agent knows of them.
import { parseImageReference } from '@varve/oci';
import type { Deployment, Sysroot } from '@varve/ostree';
import { AgentError } from '../../error.ts';
import type { HostState } from '../driver.ts';
import { deploymentName } from './state.ts';

/** In the boot order. */
export async function listDeployments(sysroot: Sysroot, stateroot: string): Promise<Deployment[]> {
  const all = await sysroot.deployments();
  return all.filter((deployment) => deployment.stateroot === stateroot);
}

/** Throws BOOT_FAILED when it is gone. */
export async function findDeployment(sysroot: Sysroot, stateroot: string, name: string): Promise<Deployment> {
  const deployments = await listDeployments(sysroot, stateroot);
  const deployment = deployments.find((candidate) => deploymentName(candidate) === name);
  if (deployment) return deployment;
  throw new AgentError('BOOT_FAILED', `deployment ${name} is not in ${sysroot.path} any more`);
}

/** A deployment of an image that is there already, under the name that it is asked for now. `image`: by digest. */
export async function deploymentOfImage(
  sysroot: Sysroot,
  stateroot: string,
  host: Pick<HostState, 'deployments'>,
  image: string,
): Promise<Deployment | undefined> {
  const { digest } = parseImageReference(image);
  const names = new Set(host.deployments.filter((one) => digest && one.imageDigest === digest).map(({ name }) => name));
  const deployments = await listDeployments(sysroot, stateroot);
  return deployments.find((deployment) => names.has(deploymentName(deployment)));
}
