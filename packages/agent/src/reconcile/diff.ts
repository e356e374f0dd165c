// The difference between a host and what is desired of it, as steps with reasons. Pure: the loop does the steps, and
// whoever explains the loop prints them.
import { type Action, describeAction } from '@varve/api';
import type { DeploymentOutline, HostOutline } from '../driver/driver.ts';
import { keptDeployments, rollbackDeployment } from '../driver/kept.ts';
import { type FailedTarget, findFailed } from '../health/failed-target.ts';
import { currentProbation } from '../health/probation.ts';
import type { Desired } from './desired.ts';

export type StepKind =
  | 'Stage'
  | 'Apply'
  | 'ApplyLive'
  | 'UndoLive'
  | 'SetNextBoot'
  | 'Reboot'
  | 'Verify'
  | 'CollectGarbage';

export interface Step {
  readonly kind: StepKind;
  /** Deployment to boot next; only for SetNextBoot. */
  readonly deployment?: string;
  /** Why, for people: one sentence without a full stop. */
  readonly reason: string;
}

export interface Actual {
  readonly host: HostOutline;
  /** Whether the booted deployment was found as applied since it booted, and since its config changed. */
  readonly verified: boolean;
  /** What the desired config takes when it can be applied to what runs; absent when it takes a boot. */
  readonly live?: readonly Action[] | undefined;
}

type Target = Pick<Desired, 'config' | 'image'>;

/** Steps in their order; empty when the host is on target and clean. */
export function diff(actual: Actual, desired: Desired | undefined): Step[] {
  const { host } = actual;
  const back = rollbackSteps(host);
  if (back.length > 0) return back;
  const isDue = desired && !isOnTarget(host.booted, desired, host) && !failedTarget(host, desired);
  if (isDue) return [...proofSteps(actual), ...updateSteps(actual, desired)];
  return [...keepSteps(host), ...verifySteps(actual), ...garbageSteps(host)];
}

/** Image of the desired config; a config without one leaves the host on the image that it runs. */
function desiredImage(desired: Target, host: HostOutline): string | undefined {
  return desired.image ?? host.booted.image;
}

/** The record of the desired target's failure on this host; while it is desired, the host stays as it is. */
export function failedTarget(host: HostOutline, desired: Target): FailedTarget | undefined {
  return findFailed(host.failed, desired.config, desiredImage(desired, host));
}

/** Whether the deployment holds the desired config and image. */
export function isOnTarget(deployment: DeploymentOutline, desired: Target, host: HostOutline): boolean {
  const { applied } = deployment;
  if (applied?.config !== desired.config) return false;
  const image = desiredImage(desired, host);
  return image === undefined || digestIn(image) === deployment.imageDigest;
}

function digestIn(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}

/** From an update that was found bad to the deployment before it, with the config that it has. */
function rollbackSteps(host: HostOutline): Step[] {
  const probation = currentProbation(host);
  if (!probation || !findFailed(host.failed, probation.config, probation.image)) return [];
  const reason = `config ${probation.config} failed here`;
  if (probation.live) return [{ kind: 'UndoLive', reason }];
  // Once the way back is first, what lies behind the booted one is something older.
  if (isWayBack(host, host.deployments[0])) return [{ kind: 'Reboot', reason }];
  const rollback = rollbackDeployment(host);
  if (!rollback) return [];
  return [
    { kind: 'SetNextBoot', deployment: rollback.name, reason },
    { kind: 'Reboot', reason },
  ];
}

function isWayBack(host: HostOutline, next: DeploymentOutline | undefined): boolean {
  if (!next?.complete || next.name === host.booted.name) return false;
  return !findFailed(host.failed, next.applied?.config, next.applied?.image);
}

/** What has not proved itself is no way back for the next update: it is proved first, or left. */
function proofSteps(actual: Actual): Step[] {
  return currentProbation(actual.host) ? verifySteps(actual) : [];
}

function updateSteps({ host, live }: Actual, desired: Desired): Step[] {
  const [next] = host.deployments;
  if (next && next.name !== host.booted.name && isOnTarget(next, desired, host)) {
    if (desired.phase === 'Staged') return [];
    return [{ kind: 'Reboot', reason: `the next boot has config ${desired.config}, the host runs ${running(host)}` }];
  }
  const steps: Step[] = [...keepSteps(host)];
  const image = desiredImage(desired, host);
  if (host.staged?.config !== desired.config || host.staged.image !== image) {
    steps.push({ kind: 'Stage', reason: `config ${desired.config} is not staged` });
  }
  if (desired.phase === 'Staged') return steps;
  if (live) {
    const reason = `config ${desired.config} needs no boot: ${live.map(describeAction).join(', ') || 'nothing changes'}`;
    const verify = { kind: 'Verify' as const, reason: `config ${desired.config} stands when the host is well with it` };
    return [...steps, { kind: 'ApplyLive', reason }, verify];
  }
  return [
    ...steps,
    { kind: 'Apply', reason: `the host runs ${running(host)}, desired is ${desired.config}` },
    { kind: 'Reboot', reason: `config ${desired.config} takes effect with a boot` },
  ];
}

/** A deployment that was made the next boot for a target that is none any more. */
function keepSteps(host: HostOutline): Step[] {
  const [next] = host.deployments;
  if (!next || next.name === host.booted.name) return [];
  const reason = `the next boot would have ${next.applied?.config ?? 'no config'}, which is not desired`;
  return [{ kind: 'SetNextBoot', deployment: host.booted.name, reason }];
}

function verifySteps(actual: Actual): Step[] {
  if (actual.verified || !actual.host.booted.applied) return [];
  return [{ kind: 'Verify', reason: 'what runs was not verified since it booted or changed' }];
}

function garbageSteps(host: HostOutline): Step[] {
  const kept = new Set(keptDeployments(host));
  const superfluous = host.deployments.filter((deployment) => !kept.has(deployment));
  if (superfluous.length === 0) return [];
  return [{ kind: 'CollectGarbage', reason: `${superfluous.length} deployments are older than the rollback` }];
}

function running(host: HostOutline): string {
  return host.booted.applied?.config ?? 'no config';
}
