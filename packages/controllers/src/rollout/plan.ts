// What a rollout does next: a pure function of the pool and its hosts. The controller applies its steps, `varve plan`
// shows them, and `varve why` explains what holds them.
import type { MachineConfigPool } from '@varve/api';
import { type Member, type Standing, standingOf, type Target } from './member.ts';

/** Each step writes one MachineConfigNode's spec, and is safe alone, in any order, and when the rest never follows. */
export interface RolloutStep {
  /**
   * Aim: set the target, to be staged; any earlier approval ends. GrantSlot: allow the host to apply it, or first its
   * workloads to leave. Withdraw: end a drain that has not ended in an approval.
   */
  readonly kind: 'Aim' | 'GrantSlot' | 'Withdraw';
  readonly node: string;
  /** The step ends an approval that its agent may be about to use. */
  readonly revokes: boolean;
  readonly reason: string;
}

export interface RolloutPlan {
  readonly target: Target | undefined;
  readonly paused: boolean;
  readonly maxUnavailable: number;
  readonly standings: readonly Standing[];
  readonly unavailable: readonly string[];
  readonly steps: readonly RolloutStep[];
  /** Hosts that could apply now but for a slot, in the order in which they will get one. */
  readonly waiting: readonly string[];
}

/**
 * Slots. At most `maxUnavailable` hosts hold one, and none is given that would bring the number of unavailable hosts
 * above it. A host that is not Ready costs no availability: it is unavailable already, and the target may be what
 * repairs it, so it goes first. A cordoned host is someone else's: it gets no slot.
 *
 * Targets. Every host is aimed at the pool's target at once and stages it; only a host whose agent is in the midst of
 * an apply finishes that first. Aiming ends an approval that has not been used, but the host keeps its slot until its
 * agent has observed that: it may have begun a moment before.
 *
 * Pausing stops new slots, and nothing else; a host that is still being drained has not used its slot, and loses it.
 */
export function planRollout(
  pool: MachineConfigPool,
  target: Target | undefined,
  members: readonly Member[],
): RolloutPlan {
  const maxUnavailable = countOf(pool.spec.maxUnavailable, members.length);
  const standings = members.map((member) => standingOf(member, target));
  const unavailable = standings.filter((standing) => !standing.available).map((standing) => standing.name);
  const paused = pool.spec.paused === true;
  const steps: RolloutStep[] = [];
  for (const standing of target ? standings : []) {
    if (!standing.aimed && !standing.busy) steps.push(aim(standing, target));
    else if (paused && standing.draining) steps.push(withdraw(standing));
  }
  const candidates = sortCandidates(standings.filter(isCandidate), members);
  const granted = paused ? [] : chooseForSlots(candidates, standings, maxUnavailable, unavailable.length);
  for (const standing of granted) {
    steps.push({
      kind: 'GrantSlot',
      node: standing.name,
      revokes: false,
      reason: slotReason(standing, unavailable.length, maxUnavailable),
    });
  }
  const given = new Set(granted);
  const waiting = candidates.filter((standing) => !given.has(standing)).map((standing) => standing.name);
  return { target, paused, maxUnavailable, standings, unavailable, steps, waiting };
}

/** A count, or a percentage of `total` rounded down; at least 1, or nothing would ever move. */
export function countOf(value: number | string | undefined, total: number): number {
  if (value === undefined) return 1;
  const count = typeof value === 'number' ? value : Math.floor((total * Number.parseInt(value, 10)) / 100);
  return Number.isFinite(count) ? Math.max(1, Math.floor(count)) : 1;
}

function isCandidate(standing: Standing): boolean {
  return (
    standing.aimed &&
    standing.staged &&
    !standing.approved &&
    !standing.arrived &&
    !standing.holdsSlot &&
    !standing.cordoned &&
    // Other hosts need not wait for what holds this one.
    standing.drain?.state !== 'Blocked' &&
    standing.drain?.state !== 'TimedOut' &&
    // It would hold the slot and do nothing.
    !standing.failure?.final
  );
}

function chooseForSlots(
  candidates: readonly Standing[],
  standings: readonly Standing[],
  maxUnavailable: number,
  unavailableNow: number,
): Standing[] {
  let holders = standings.filter((standing) => standing.holdsSlot).length;
  let unavailable = unavailableNow;
  const chosen: Standing[] = [];
  for (const candidate of candidates) {
    const cost = candidate.available ? 1 : 0;
    if (holders >= maxUnavailable) break;
    if (cost > 0 && unavailable + cost > maxUnavailable) continue;
    chosen.push(candidate);
    holders += 1;
    unavailable += cost;
  }
  return chosen;
}

/** Broken hosts first, those that failed on this target or could not be drained last; then by zone, the oldest first, by name. */
function sortCandidates(candidates: readonly Standing[], members: readonly Member[]): Standing[] {
  const byName = new Map(members.map((member) => [member.name, member]));
  const key = (standing: Standing): string[] => {
    const metadata = byName.get(standing.name)?.node?.metadata;
    return [
      standing.ready ? '1' : '0',
      standing.failure || standing.drain?.state === 'Again' ? '1' : '0',
      // No zone sorts last: ￿ is above every character of a label.
      metadata?.labels?.['topology.kubernetes.io/zone'] ?? '\uffff',
      metadata?.creationTimestamp ?? '',
      standing.name,
    ];
  };
  const keys = new Map(candidates.map((standing) => [standing, key(standing)]));
  return [...candidates].sort((a, b) => compareLists(keys.get(a) ?? [], keys.get(b) ?? []));
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  for (const [index, text] of a.entries()) {
    const other = b[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}

function aim(standing: Standing, target: Target | undefined): RolloutStep {
  const to = target?.config ?? '';
  const unused = standing.approved && !standing.arrived && standing.desired !== '';
  const reason = unused
    ? `the target is now ${to}; the approval of ${standing.desired} ends before it was used`
    : `the pool's target is ${to}`;
  return { kind: 'Aim', node: standing.name, revokes: unused || standing.revoking, reason };
}

function withdraw({ name, desired }: Standing): RolloutStep {
  const reason = `the pool is paused: the drain for ${desired} ends, and the slot with it`;
  return { kind: 'Withdraw', node: name, revokes: false, reason };
}

function slotReason(standing: Standing, unavailable: number, maxUnavailable: number): string {
  const count = `${unavailable} of at most ${maxUnavailable} hosts are unavailable`;
  return standing.available
    ? `it has staged its target and ${count}`
    : 'it has staged its target and is not Ready anyway';
}
