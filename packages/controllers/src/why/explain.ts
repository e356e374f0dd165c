// One answer to "why is this host not updated?", from the plan itself: what is said here is what holds the host there.
import type { MachineConfigPool } from '@varve/api';
import type { Member, Standing, StandingFailure, Target } from '../rollout/member.ts';
import { planRollout, type RolloutPlan } from '../rollout/plan.ts';

export interface Explanation {
  readonly updated: boolean;
  /** One word for scripts. */
  readonly reason:
    | 'Updated'
    | 'NoPool'
    | 'RenderDegraded'
    | 'NoTarget'
    | 'NotReady'
    | 'Degraded'
    | 'Failed'
    | 'Staging'
    | 'Cordoned'
    | 'Paused'
    | 'WaitingForSlot'
    | 'Applying'
    | 'Draining'
    | 'DrainBlocked'
    | 'DrainTimedOut'
    | 'FinishingEarlierTarget'
    | 'Pending';
  /** One sentence for people. */
  readonly answer: string;
  /** What to do or to look at next; empty when nothing needs doing. */
  readonly advice: string;
  /** The end of what the failed health check wrote. */
  readonly output?: string;
}

export interface WhyInput {
  /** Undefined when no pool, or more than one, claims the host. */
  readonly pool: MachineConfigPool | undefined;
  readonly target: Target | undefined;
  /** Every host of the pool: slots are shared. */
  readonly members: readonly Member[];
}

export function explainNode(name: string, input: WhyInput): Explanation {
  const { pool, target, members } = input;
  const member = members.find((candidate) => candidate.name === name);
  if (!pool || !member) {
    const answer = `${name} belongs to no pool: no pool's nodeSelector matches its labels, or those of two pools do`;
    return {
      updated: false,
      reason: 'NoPool',
      answer,
      advice: `compare "kubectl get node ${name} --show-labels" with the pools' spec.nodeSelector`,
    };
  }
  const plan = planRollout(pool, target, members);
  const standing = plan.standings.find((candidate) => candidate.name === name);
  const render = pool.status?.conditions?.find(
    (condition) => condition.type === 'RenderDegraded' && condition.status === 'True',
  );
  const poolName = pool.metadata.name ?? '';
  const explanation = standing ? explainStanding(standing, plan, member) : undefined;
  if (render && (!explanation || explanation.updated || !target)) {
    const answer = `pool ${poolName} has no new target: ${render.message}`;
    return {
      updated: false,
      reason: 'RenderDegraded',
      answer,
      advice: 'correct what the message names; hosts keep what they have',
    };
  }
  if (!target || !explanation) {
    const answer = `pool ${poolName} has no rendered config yet: no MachineConfig matches its machineConfigSelector`;
    return {
      updated: false,
      reason: 'NoTarget',
      answer,
      advice: 'create a MachineConfig with the label that the pool selects',
    };
  }
  return explanation;
}

function explainStanding(standing: Standing, plan: RolloutPlan, member: Member): Explanation {
  const { name } = standing;
  const target = plan.target?.config ?? '';
  const message = member.state.status?.update?.message ?? '';
  const says = message === '' ? '' : `: ${message}`;
  const look = `kubectl describe machineconfignode ${name}`;
  if (standing.busy && !standing.aimed) {
    const answer = `${name} finishes ${standing.desired} first, then it gets ${target}${says}`;
    return { updated: false, reason: 'FinishingEarlierTarget', answer, advice: '' };
  }
  if (!standing.aimed) {
    return { updated: false, reason: 'Pending', answer: `${name} is about to be given ${target}`, advice: '' };
  }
  if (standing.arrived) return explainArrived(standing, target);
  if (standing.failure && !standing.busy) {
    const { code, step, message: text, output } = standing.failure;
    const effect = effectOf(standing.failure, standing);
    const answer = `${name} failed on ${target} while ${step}: ${code}: ${text}; ${effect}`;
    return {
      updated: false,
      reason: 'Failed',
      answer,
      advice: `remove the cause, or change the pool's MachineConfigs; see ${look}`,
      ...(output === '' ? {} : { output }),
    };
  }
  if (standing.draining) return explainDraining(standing, member, target);
  if (standing.holdsSlot) {
    const step = member.state.status?.update?.step ?? 'Idle';
    const slow = standing.ready ? '' : '; it is not Ready';
    const answer = `${name} has a slot and is at step ${step} on the way to ${target}${says}${slow}`;
    return { updated: false, reason: 'Applying', answer, advice: standing.ready ? '' : look };
  }
  if (!standing.staged) return explainStaging(standing, target, says, look);
  return explainHeld(standing, plan, target);
}

function effectOf(failure: StandingFailure, { holdsSlot, current }: Standing): string {
  if (failure.final) {
    const slot = holdsSlot ? '; it keeps its slot, so that the rollout stops at it' : '';
    return `it runs ${current ?? 'what it ran'} again and does not try this target any more${slot}`;
  }
  return holdsSlot ? 'it keeps its slot, since its agent tries again' : 'it runs what it ran, and tries again';
}

function explainArrived(standing: Standing, target: string): Explanation {
  const { name } = standing;
  const look = `kubectl describe machineconfignode ${name}`;
  if (!standing.ready) {
    return {
      updated: false,
      reason: 'NotReady',
      answer: `${name} runs ${target} but is not Ready`,
      advice: `kubectl describe node ${name}`,
    };
  }
  if (standing.degraded) {
    return {
      updated: false,
      reason: 'Degraded',
      answer: `${name} runs ${target} but its agent reports NodeDegraded`,
      advice: look,
    };
  }
  return { updated: true, reason: 'Updated', answer: `${name} is updated: it runs ${target}`, advice: '' };
}

function explainStaging(standing: Standing, target: string, says: string, look: string): Explanation {
  const { name } = standing;
  if (!standing.ready) {
    const answer = `${name} is not Ready and has not staged ${target}${says}`;
    return {
      updated: false,
      reason: 'NotReady',
      answer,
      advice: `see whether its agent runs: systemctl status varve-agent on ${name}`,
    };
  }
  return {
    updated: false,
    reason: 'Staging',
    answer: `${name} is staging ${target}${says}`,
    advice: standing.degraded ? look : '',
  };
}

function explainDraining({ name, drain }: Standing, { state }: Member, target: string): Explanation {
  const since = state.spec.update?.drain?.since ?? '';
  const guard = drain?.state === 'Draining' ? drain.guard : 'it is about to be cordoned';
  const answer = `${name} has a slot for ${target} and is being drained since ${since}: ${guard}`;
  const advice = drain?.state === 'Draining' ? `kubectl get pods -A --field-selector spec.nodeName=${name}` : '';
  return { updated: false, reason: 'Draining', answer, advice };
}

/** A host that has no slot since it could not be drained. */
function explainUndrained({ name, drain }: Standing, target: string): Explanation | undefined {
  if (drain?.state === 'Blocked') {
    const answer = `${name} has staged ${target} but gets no slot, since its drain could never end: ${drain.guard}`;
    const advice = 'give the workload one more replica, or change what the message names; it is looked at every minute';
    return { updated: false, reason: 'DrainBlocked', answer, advice };
  }
  if (drain?.state !== 'TimedOut') return undefined;
  const answer = `${name} was not drained for ${target} in the time of its pool, and gave its slot back at ${drain.since}: ${drain.guard}`;
  const advice = 'remove what the message names; it is tried again ten minutes later';
  return { updated: false, reason: 'DrainTimedOut', answer, advice };
}

function explainHeld(standing: Standing, plan: RolloutPlan, target: string): Explanation {
  const { name } = standing;
  if (standing.cordoned) {
    const answer = `${name} has staged ${target} but is cordoned; a cordoned host gets no slot`;
    return { updated: false, reason: 'Cordoned', answer, advice: `kubectl uncordon ${name}` };
  }
  if (plan.paused) {
    return {
      updated: false,
      reason: 'Paused',
      answer: `${name} has staged ${target} but its pool is paused`,
      advice: 'set spec.paused of the pool to false',
    };
  }
  const undrained = explainUndrained(standing, target);
  if (undrained) return undrained;
  const place = plan.waiting.indexOf(name);
  if (place < 0)
    return { updated: false, reason: 'Pending', answer: `${name} is about to get a slot for ${target}`, advice: '' };
  const holders = plan.unavailable.slice(0, 5).join(', ');
  const more = plan.unavailable.length > 5 ? ` and ${plan.unavailable.length - 5} more` : '';
  const answer = `${name} has staged ${target} and waits for a slot behind ${place} other(s): ${plan.unavailable.length} of at most ${plan.maxUnavailable} hosts are unavailable (${holders}${more})`;
  const failing = plan.standings.find((other) => other.holdsSlot && other.failure);
  const advice = failing
    ? `${failing.name} holds its slot because it fails: ${failing.failure?.code}; see varve why ${failing.name}`
    : '';
  return { updated: false, reason: 'WaitingForSlot', answer, advice };
}
