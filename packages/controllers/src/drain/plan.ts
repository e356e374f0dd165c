// What a drain does next: a pure function of the pods on a host, of the budgets over them and of the pool's policy. The
// controller does it; what it says holds the drain stands on the host's MachineConfigNode.
import { type DrainPolicy, defaultDrainTimeout, type Pod, type PodDisruptionBudget } from '@varve/api';
import { blockedForEver } from './budget.ts';
import { dispositionOf, podName } from './disposition.ts';

export interface DrainInput {
  /** All pods of the host. */
  readonly pods: readonly Pod[];
  readonly budgets: readonly PodDisruptionBudget[];
  readonly policy: DrainPolicy;
  /** When the host was given its slot: the time runs from there, whichever controller looks at it. */
  readonly since: Date;
  readonly now: Date;
  /** Varve has cordoned the host for this drain. */
  readonly begun: boolean;
  /** The host's kubelet is there to end pods. */
  readonly ready: boolean;
}

export interface DrainPlan {
  /**
   * Blocked: it could never end, and is not begun. TimedOut: it is given up for now. Drained: nothing is left that has
   * to leave, or the policy goes on without.
   */
  readonly outcome: 'Blocked' | 'TimedOut' | 'Draining' | 'Drained';
  readonly evict: readonly Pod[];
  /** What is in the way, for people; empty when nothing is. */
  readonly guard: string;
}

export function planDrain(input: DrainInput): DrainPlan {
  const { pods, budgets, policy, since, now, begun, ready } = input;
  const evict: Pod[] = [];
  const left: string[] = [];
  const blocking: string[] = [];
  for (const pod of pods) {
    const disposition = dispositionOf(pod, policy);
    if (disposition.kind === 'Stay') continue;
    // Nobody is there to tell that it has ended; it does not come back on another host before.
    if (disposition.kind === 'Leaving' && !ready) continue;
    left.push(podName(pod));
    if (disposition.kind === 'Evict') evict.push(pod);
    const reason = disposition.kind === 'Block' ? disposition.reason : blockedForEver(pod, budgets);
    if (reason !== undefined && disposition.kind !== 'Leaving') blocking.push(`${podName(pod)}: ${reason}`);
  }
  if (left.length === 0) return { outcome: 'Drained', evict: [], guard: '' };
  const guard = blocking.length > 0 ? listOf(blocking) : `waits for ${listOf(left)}`;
  if (!begun && blocking.length > 0) return { outcome: 'Blocked', evict: [], guard };
  const seconds = policy.timeoutSeconds ?? defaultDrainTimeout;
  const isOver = now.getTime() - since.getTime() >= seconds * 1000;
  const onTimeout = policy.onTimeout ?? 'GiveBack';
  if (!isOver || onTimeout === 'Hold') return { outcome: 'Draining', evict, guard };
  return { outcome: onTimeout === 'Proceed' ? 'Drained' : 'TimedOut', evict: [], guard };
}

/** At most five, so that it stays readable whatever runs on the host. */
export function listOf(items: readonly string[]): string {
  const shown = items.slice(0, 5).map((item) => (item.length > 400 ? `${item.slice(0, 400)}…` : item));
  return `${shown.join('; ')}${items.length > 5 ? ` and ${items.length - 5} more` : ''}`;
}
