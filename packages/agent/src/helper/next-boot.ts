// Which deployments the network side may make the next boot: whoever has taken it over must not start an older config,
// nor one that was never signed. Pure.
import type { DeploymentOutline, HostOutline } from '../driver/driver.ts';
import { rollbackDeployment } from '../driver/kept.ts';
import { currentProbation } from '../health/probation.ts';
import type { NewestTarget } from './gate.ts';

/** Why not, for people; undefined when it may. */
export function nextBootProblem(host: HostOutline, name: string, newest: NewestTarget | undefined): string | undefined {
  // What runs may run on: that is what "nothing is to change" comes to.
  if (name === host.booted.name) return undefined;
  const deployment = host.deployments.find((candidate) => candidate.name === name);
  if (!deployment) return `deployment ${name} is not there`;
  if (!deployment.complete) return `deployment ${name} is not complete`;
  if (isNewest(deployment, newest)) return undefined;
  if (rollbackDeployment(host)?.name !== name) return `deployment ${name} has no target that is signed now`;
  return rollbackProblem(host);
}

/** Only what has not proved itself may be left for what was there before. */
export function rollbackProblem(host: HostOutline): string | undefined {
  const probation = currentProbation(host);
  if (probation && !probation.live) return undefined;
  return `deployment ${host.booted.name} has proved itself; to go back, give the host the former config`;
}

/** An update that waits for its first boot is not taken back by taking back a live one: it would count as proved. */
export function undoProblem({ probation }: Pick<HostOutline, 'probation'>): string | undefined {
  return probation && !probation.live ? `config ${probation.config} was not applied to the running host` : undefined;
}

function isNewest({ applied, imageDigest }: DeploymentOutline, newest: NewestTarget | undefined): boolean {
  if (newest?.phase !== 'Applied' || applied?.config !== newest.config) return false;
  return newest.image === undefined || (imageDigest !== undefined && newest.image.endsWith(`@${imageDigest}`));
}
