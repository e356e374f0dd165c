// From what the agent knows to the status of its MachineConfigNode. Pure.
import {
  type Condition,
  type MachineConfigNodeStatus,
  type NodeConditionType,
  nodeConditionTypes,
  type UpdateStep,
} from '@varve/api';
import { setCondition } from '@varve/kube';
import type { Drift } from '../content/check.ts';
import { maxRepairs } from '../drift/breaker.ts';
import { reportedDrift } from '../drift/policy.ts';
import type { DeploymentOutline } from '../driver/driver.ts';
import { rollbackDeployment } from '../driver/kept.ts';
import type { View } from './view.ts';

type ConditionStatus = Condition['status'];

/** Conditions that mark the way of an update, with the step that begins and the step that ends each. */
const progressConditions: readonly (readonly [type: NodeConditionType, begins: UpdateStep, ends: UpdateStep])[] = [
  ['UpdatePrepared', 'Staging', 'Staged'],
  ['UpdateExecuted', 'Applying', 'Rebooting'],
  ['AppliedFilesAndOS', 'Applying', 'Rebooting'],
  ['RebootedNode', 'Rebooting', 'Verifying'],
  ['UpdateComplete', 'Verifying', 'Done'],
  ['Resumed', 'Verifying', 'Done'],
];
/** The control plane has not shown it since the agent began. */
const notSeen = { status: 'Unknown', reason: 'NotSeen', message: '' } as const;
const order: readonly UpdateStep[] = ['Idle', 'Staging', 'Staged', 'Applying', 'Rebooting', 'Verifying', 'Done'];

export function statusOf(view: View, previous: readonly Condition[], now: Date): MachineConfigNodeStatus {
  const { desired, host } = view;
  const current = view.verified ? host?.booted.applied?.config : undefined;
  const rollback = host && rollbackDeployment(host);
  return {
    ...(desired ? { observedGeneration: desired.generation } : {}),
    configVersion: { ...(current ? { current } : {}), ...(desired ? { desired: desired.config } : {}) },
    configImage: {
      ...(host?.booted.image ? { currentImage: host.booted.image } : {}),
      ...(desired?.image ? { desiredImage: desired.image } : {}),
    },
    conditions: [...conditionsOf(view, previous, now)],
    update: updateOf(view),
    ...(host ? { booted: describe(host.booted, host.bootedKernelArguments) } : {}),
    ...(rollback ? { rollback: describe(rollback, rollback.kernelArguments) } : {}),
    drift: shownDrift(view),
    ...(view.logs ? { logs: view.logs } : {}),
  };
}

/** Whether what is desired runs, and was found as desired. */
export function isUpdated(view: View): boolean {
  return view.step === 'Done' && view.verified && view.desired?.config === view.host?.booted.applied?.config;
}

function updateOf(view: View): NonNullable<MachineConfigNodeStatus['update']> {
  const staged = view.host?.staged?.config ?? (isUpdated(view) ? view.desired?.config : undefined);
  const { failure } = view;
  return {
    step: view.step,
    message: view.message.slice(0, 4096),
    ...(view.config ? { config: view.config } : {}),
    ...(view.startedAt ? { startedAt: view.startedAt } : {}),
    ...(view.progress ? { progress: view.progress } : {}),
    ...(staged ? { staged } : {}),
    ...(failure
      ? {
          lastFailure: {
            code: failure.code,
            message: failure.message.slice(0, 4096),
            step: failure.step,
            time: failure.time,
            ...(failure.config ? { config: failure.config } : {}),
            ...(failure.check ? { check: failure.check } : {}),
            ...(failure.output ? { output: failure.output } : {}),
            ...(failure.final ? { final: true } : {}),
          },
        }
      : {}),
  };
}

function describe(
  deployment: DeploymentOutline,
  kernelArguments: readonly string[],
): NonNullable<MachineConfigNodeStatus['booted']> {
  const config = deployment.applied?.config;
  return {
    checksum: deployment.checksum,
    kernelArguments: [...kernelArguments],
    ...(deployment.imageDigest ? { imageDigest: deployment.imageDigest } : {}),
    ...(config ? { config } : {}),
  };
}

function conditionsOf(view: View, previous: readonly Condition[], now: Date): readonly Condition[] {
  let conditions = previous.filter(({ type }) => nodeConditionTypes.some((known) => known === type));
  const add = (type: NodeConditionType, status: ConditionStatus, reason: string, message: string) => {
    conditions = [...setCondition(conditions, { type, status, reason, message: message.slice(0, 32_000) }, now)];
  };
  const step = view.failure && view.step === 'Failed' ? view.failure.step : view.step;
  for (const [type, begins, ends] of progressConditions) {
    const status = progressStatus(step, begins, ends);
    const reason = { True: 'Done', False: 'NotStarted', Unknown: view.step === 'Failed' ? 'Failed' : 'Running' }[
      status
    ];
    add(type, status, reason, status === 'Unknown' ? view.message : '');
  }
  for (const [type, told = notSeen] of [
    ['Cordoned', view.cordoned],
    ['Drained', view.drained],
  ] as const) {
    add(type, told.status, told.reason, told.message);
  }
  const updated = isUpdated(view);
  add('Updated', updated ? 'True' : 'False', updated ? 'OnTarget' : updatedReason(view), updated ? '' : view.message);
  const { failure } = view;
  add(
    'NodeDegraded',
    failure ? 'True' : 'False',
    failure ? reasonOf(failure.code) : 'AsExpected',
    failure?.message ?? '',
  );
  const drift = shownDrift(view);
  const drifted = drift.length > 0;
  add('ConfigDrift', drifted ? 'True' : 'False', drifted ? driftReason(drift) : 'AsApplied', driftMessage(drift));
  return conditions;
}

function progressStatus(step: UpdateStep, begins: UpdateStep, ends: UpdateStep): ConditionStatus {
  const at = order.indexOf(step);
  if (at >= order.indexOf(ends)) return 'True';
  return at >= order.indexOf(begins) ? 'Unknown' : 'False';
}

function updatedReason(view: View): string {
  if (!view.desired) return 'NoTarget';
  return view.step === 'Staged' ? 'WaitingForSlot' : 'Updating';
}

/** `DISK_FULL` → `DiskFull`: reasons are CamelCase (metav1.Condition). */
export function reasonOf(code: string): string {
  return code
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
}

/** What is told of the differences; what the administrator does not care for is not. */
export function shownDrift({ drift, desired, leftAlone }: View): Drift[] {
  return reportedDrift(drift, desired?.drift).map((difference) => {
    if (!leftAlone.includes(difference.path)) return difference;
    const message = `${difference.message}; it was put back ${maxRepairs} times and changed again: somebody else writes it, and it is left alone`;
    return { ...difference, message: message.slice(0, 4096) };
  });
}

function driftReason(drift: readonly Drift[]): string {
  const kinds = new Set(drift.map(({ kind }) => kind));
  const [only] = kinds;
  return kinds.size === 1 && only ? `${only}Changed` : 'SeveralChanged';
}

function driftMessage(drift: readonly Drift[]): string {
  const [first] = drift;
  if (!first) return '';
  const more = drift.length > 1 ? ` and ${drift.length - 1} more` : '';
  return `${first.path} ${first.message}${more}; put it back, or change the MachineConfig`;
}
