// Which deployments a host keeps.
import type { HostDeployment, HostState } from './driver.ts';

/** Everything that the host keeps: what runs, what boots next, and the one before what runs. */
export function keptDeployments(host: Pick<HostState, 'booted' | 'deployments'>): HostDeployment[] {
  const next = host.deployments[0];
  const rollback = rollbackDeployment(host);
  return [...new Set([host.booted, ...(next ? [next] : []), ...(rollback ? [rollback] : [])])];
}

/** The first complete deployment behind the booted one: what the host ran before. */
export function rollbackDeployment(host: Pick<HostState, 'booted' | 'deployments'>): HostDeployment | undefined {
  const index = host.deployments.findIndex((deployment) => deployment.name === host.booted.name);
  return host.deployments.slice(index + 1).find((deployment) => deployment.complete);
}
