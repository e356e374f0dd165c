// Which deployments a host keeps.
import { findFailed } from '../health/failed-target.ts';
import type { DeploymentOutline, HostOutline } from './driver.ts';

interface Deployments<D> extends Pick<HostOutline, 'failed' | 'probation' | 'bootId'> {
  readonly deployments: readonly D[];
  readonly booted: D;
}

/** Everything that the host keeps: what runs, what boots next, the one before what runs, and what is pinned. */
export function keptDeployments<D extends DeploymentOutline>(host: Deployments<D>): D[] {
  const next = host.deployments[0];
  const rollback = rollbackDeployment(host);
  const pinned = host.deployments.filter((deployment) => deployment.pinned);
  return [...new Set([host.booted, ...(next ? [next] : []), ...(rollback ? [rollback] : []), ...pinned])];
}

/**
 * The first complete deployment behind the booted one, what the host ran before; never one that failed here, nor an
 * update that was taken back before it booted.
 */
export function rollbackDeployment<D extends DeploymentOutline>(host: Deployments<D>): D | undefined {
  const index = host.deployments.findIndex((deployment) => deployment.name === host.booted.name);
  const before = host.deployments.slice(index + 1);
  return before.find((one) => one.complete && !hasFailed(host, one) && !isUntried(host, one));
}

function hasFailed({ failed }: Pick<HostOutline, 'failed'>, { applied }: DeploymentOutline): boolean {
  return applied !== undefined && findFailed(failed, applied.config, applied.image) !== undefined;
}

/** Made in this boot. */
function isUntried(
  { probation, bootId }: Pick<HostOutline, 'probation' | 'bootId'>,
  { name }: DeploymentOutline,
): boolean {
  return probation?.deployment === name && probation.bootId === bootId;
}
