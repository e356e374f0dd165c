// What the network side may have done, as far as the state of the host decides it: whoever has taken it over must not start
// an older config or one that was never signed, try again what failed, take the way back away, or boot without end. Each
// rule gives the reason why not, for people; undefined when it may. Pure.
import type { DeploymentOutline, HostOutline } from '../driver/driver.ts';
import { rollbackDeployment } from '../driver/kept.ts';
import { type FailedTarget, findFailed } from '../health/failed-target.ts';
import { currentProbation, fallenTarget } from '../health/probation.ts';
import { failedTarget, isOnTarget } from '../reconcile/diff.ts';
import { controlPlaneCheck } from '../reconcile/verify.ts';
import type { NewestTarget } from './gate.ts';

type Target = Pick<FailedTarget, 'config' | 'image'>;

/** Only what is new here, and only from something that has proved itself: that is the way back. */
export function applyProblem(
  host: HostOutline,
  target: Pick<NewestTarget, 'config' | 'image' | 'phase'>,
): string | undefined {
  const { config, phase } = target;
  if (phase !== 'Applied') return `config ${config} is to be staged only; the host has no slot to apply it`;
  if (isOnTarget(host.booted, target, host)) return `config ${config} runs already`;
  if (failedTarget(host, target)) return `config ${config} has failed here`;
  if (currentProbation(host)) return `deployment ${host.booted.name} has not proved itself`;
  return undefined;
}

export function rebootProblem({ deployments, booted }: HostOutline): string | undefined {
  return deployments[0]?.name === booted.name ? `deployment ${booted.name} runs, and would boot again` : undefined;
}

/** What is not tried again is no way back either: only what was being tried can have failed. */
export function failureProblem(host: HostOutline, { config, image }: Target, now: Date): string | undefined {
  const tried = [currentProbation(host), fallenTarget(host, now)];
  if (tried.some((target) => target?.config === config && target.image === image)) return undefined;
  return `config ${config} was not being tried`;
}

/** Only a failure that may have been the network's. */
export function forgetProblem({ failed }: Pick<HostOutline, 'failed'>, { config, image }: Target): string | undefined {
  const check = findFailed(failed, config, image)?.check;
  return check === controlPlaneCheck ? undefined : `config ${config} did not fail for want of the control plane`;
}

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
