// A pool's status: the counts and conditions that people and `kubectl wait` look at, from the same standings as the plan.
import type { Condition, MachineConfigPool, MachineConfigPoolStatus } from '@varve/api';
import { setCondition } from '@varve/kube';
import type { Standing } from './member.ts';
import type { RolloutPlan } from './plan.ts';

type Draft = Omit<Condition, 'lastTransitionTime'>;

/** The status after `plan`; what the render controller wrote into it is kept. */
export function poolStatus(pool: MachineConfigPool, plan: RolloutPlan, now: Date): MachineConfigPoolStatus {
  const { standings, target } = plan;
  const updated = standings.filter((standing) => standing.aimed && standing.arrived);
  const finished = updated.filter(
    (standing) => !standing.holdsSlot && standing.ready && !standing.degraded && !standing.cordonedForDrain,
  );
  const degraded = standings.filter((standing) => standing.degraded || standing.failure);
  const done = target !== undefined && finished.length === standings.length;
  let conditions: readonly Condition[] = pool.status?.conditions ?? [];
  for (const condition of poolConditions(pool, plan, updated, degraded, done)) {
    conditions = setCondition(conditions, condition, now);
  }
  const configuration = done ? pool.spec.configuration : pool.status?.configuration;
  return {
    ...pool.status,
    ...(pool.metadata.generation !== undefined && { observedGeneration: pool.metadata.generation }),
    ...(configuration && { configuration }),
    machineCount: standings.length,
    updatedMachineCount: updated.length,
    readyMachineCount: updated.filter((standing) => standing.available).length,
    unavailableMachineCount: plan.unavailable.length,
    degradedMachineCount: degraded.length,
    conditions: [...conditions],
  };
}

function poolConditions(
  pool: MachineConfigPool,
  plan: RolloutPlan,
  updated: readonly Standing[],
  degraded: readonly Standing[],
  done: boolean,
): Draft[] {
  const render = pool.status?.conditions?.find(
    (condition) => condition.type === 'RenderDegraded' && condition.status === 'True',
  );
  const target = plan.target?.config ?? '';
  const total = plan.standings.length;
  const updating = plan.target !== undefined && updated.length < total;
  const progress = `${updated.length} of ${total} hosts are on ${target}; ${plan.unavailable.length} of at most ${plan.maxUnavailable} are unavailable${drainMessage(plan)}`;
  const troubles = listOf(degraded.map(troubleOf));
  const causes = [...(render ? [render.message] : []), ...(degraded.length > 0 ? [troubles] : [])].join('; ');
  return [
    {
      type: 'Updated',
      status: done ? 'True' : 'False',
      reason: done ? 'AllHostsUpdated' : notUpdatedReason(plan, updating),
      message: done
        ? `all ${total} hosts are on ${target}`
        : plan.target
          ? `${progress}${unhealthy(updated)}`
          : 'the pool has no rendered config yet',
    },
    {
      type: 'Updating',
      status: updating ? 'True' : 'False',
      reason: updating ? (plan.paused ? 'Paused' : holdReason(plan)) : 'NothingToDo',
      message: updating ? `${progress}${holdMessage(plan)}` : '',
    },
    {
      type: 'NodeDegraded',
      status: degraded.length > 0 ? 'True' : 'False',
      reason: degraded.length > 0 ? 'HostsFailed' : 'AsExpected',
      message: troubles,
    },
    {
      type: 'Degraded',
      status: causes === '' ? 'False' : 'True',
      reason: render ? render.reason : degraded.length > 0 ? 'HostsFailed' : 'AsExpected',
      message: causes,
    },
  ];
}

function notUpdatedReason(plan: RolloutPlan, updating: boolean): string {
  if (!plan.target) return 'NoConfiguration';
  return updating ? 'HostsPending' : 'HostsNotHealthy';
}

function holdReason(plan: RolloutPlan): string {
  return holdMessage(plan) === '' ? 'RollingOut' : 'WaitingForSlots';
}

/** What keeps hosts that could apply from doing so; '' when nothing does. */
function holdMessage(plan: RolloutPlan): string {
  if (plan.paused) return '; the pool is paused: no slots are given';
  if (plan.waiting.length === 0 || plan.steps.some((step) => step.kind === 'GrantSlot')) return '';
  return `; ${plan.waiting.length} wait for slots held up by ${listOf(plan.unavailable)}`;
}

/** What keeps workloads on hosts that could apply; '' when nothing does. */
function drainMessage({ standings }: RolloutPlan): string {
  const held: string[] = [];
  for (const { name, drain } of standings) {
    if (drain?.state === 'Blocked') held.push(`${name} cannot be drained: ${drain.guard}`);
    else if (drain?.state === 'TimedOut') held.push(`${name} was not drained in time: ${drain.guard}`);
    else if (drain?.state === 'Draining') held.push(`${name} is being drained: ${drain.guard}`);
  }
  return held.length > 0 ? `; ${listOf(held)}` : '';
}

function unhealthy(updated: readonly Standing[]): string {
  const names = updated.filter((standing) => !standing.ready || standing.degraded).map((standing) => standing.name);
  const cordoned = updated.filter(({ cordonedForDrain }) => cordonedForDrain).map(({ name }) => name);
  const ill = names.length > 0 ? `; not healthy on it: ${listOf(names)}` : '';
  return cordoned.length > 0 ? `${ill}; still cordoned for their drain: ${listOf(cordoned)}` : ill;
}

function troubleOf(standing: Standing): string {
  const failure = standing.failure;
  return failure
    ? `${standing.name}: ${failure.code} while ${failure.step}: ${failure.message}`
    : `${standing.name}: its agent reports NodeDegraded`;
}

/** At most five, so that a message stays readable and bounded whatever the size of the pool. */
function listOf(items: readonly string[]): string {
  const shown = items.slice(0, 5).map((item) => (item.length > 600 ? `${item.slice(0, 600)}…` : item));
  const more = items.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
