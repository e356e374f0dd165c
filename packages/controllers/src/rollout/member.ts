// One host of a pool, reduced to the facts on which a rollout decides. Everything here is read off the node's two
// objects; a controller that starts anew reads the same facts.
import { cordonedAnnotation, type MachineConfigNode, type Node } from '@varve/api';
import { type DrainRecord, readRecord } from '../drain/record.ts';

/** What the hosts of a pool are to reach. */
export interface Target {
  /** Name of the rendered config. */
  readonly config: string;
  /** Image reference by digest; undefined leaves hosts on the image that they run. */
  readonly image: string | undefined;
}

export interface Member {
  readonly name: string;
  readonly node: Node | undefined;
  readonly state: MachineConfigNode;
}

export interface Standing {
  readonly name: string;
  readonly desired: string;
  readonly current: string | undefined;
  /** The host is aimed at the pool's target. */
  readonly aimed: boolean;
  /** The host runs what it is aimed at, and nothing is under way on it. */
  readonly arrived: boolean;
  readonly staged: boolean;
  readonly approved: boolean;
  /** It has its slot, and workloads are leaving it; it is approved when they have. */
  readonly draining: boolean;
  /** What was last found about its drain for what it is aimed at. */
  readonly drain: DrainRecord | undefined;
  /** An approval was taken back, and its agent may not know yet. */
  readonly revoking: boolean;
  /** Its agent is between the first write of an apply and the end of its verification. */
  readonly busy: boolean;
  /** It has the right to be unavailable now, or uses it. */
  readonly holdsSlot: boolean;
  readonly ready: boolean;
  readonly cordoned: boolean;
  /** Varve cordoned it for its drain, and takes that back. */
  readonly cordonedForDrain: boolean;
  readonly degraded: boolean;
  readonly available: boolean;
  /** The last failure for what it is aimed at, unless it runs that and is healthy. */
  readonly failure: StandingFailure | undefined;
}

export interface StandingFailure {
  readonly code: string;
  readonly message: string;
  readonly step: string;
  /** The end of what the failed health check wrote; empty when no check failed. */
  readonly output: string;
  /** The host went back to what it ran, and does not try again. */
  readonly final: boolean;
}

/**
 * Who is unavailable, and who holds a slot.
 *
 * A host holds a slot from the beginning of its drain, or the approval (phase Applied) where there is none, until it runs what it is aimed at and is Ready and not degraded,
 * and also for as long as its agent says that it is applying, rebooting or verifying, whatever the spec says by then.
 * An approval that was taken back holds the slot until the agent has observed that: agents report after they have
 * begun, so before that nobody knows.
 *
 * A failure does not free a slot. As a rule the agent of an approved host tries again by itself, so the host may go
 * down at any moment; and if a failure freed the slot, a bad image would take down every host of the pool, one after
 * the other. That holds also for a host that was not healthy, went back to what it ran and will not try again: it serves,
 * but its target is proven bad. As it is, a bad image stops at `maxUnavailable` hosts. The slot comes free when the host
 * succeeds, or when a new target revokes the approval.
 *
 * A failure without a slot does not count. A host that could not stage (its disk is full, the registry is away) runs
 * what it ran and serves: nobody may be held up by it. It counts only if it is really not healthy: not Ready,
 * cordoned, or degraded although it runs its target. Each host counts once, whatever the number of its troubles.
 */
export function standingOf(member: Member, target: Target | undefined): Standing {
  const { spec, status } = member.state;
  const update = status?.update;
  const desired = spec.configVersion.desired;
  const current = status?.configVersion?.current;
  const aimed = target !== undefined && desired === target.config && spec.configImage?.desiredImage === target.image;
  const busy = update?.step === 'Applying' || update?.step === 'Rebooting' || update?.step === 'Verifying';
  const approved = spec.update?.phase === 'Applied';
  const draining = !approved && spec.update?.drain !== undefined;
  const reached = desired !== '' && current === desired;
  const ready = conditionOf(member.node?.status?.conditions, 'Ready') === 'True';
  const cordoned = member.node?.spec?.unschedulable === true;
  const degraded = conditionOf(status?.conditions, 'NodeDegraded') === 'True';
  const revoking =
    spec.update?.revoked === true && (status?.observedGeneration ?? 0) < (member.state.metadata.generation ?? 0);
  const holdsSlot = busy || revoking || draining || (approved && desired !== '' && !(reached && ready && !degraded));
  const failure = update?.lastFailure;
  return {
    name: member.name,
    desired,
    current,
    aimed,
    arrived: reached && !busy,
    staged: desired !== '' && update?.staged === desired,
    approved,
    draining,
    drain: readRecord(member.state),
    revoking,
    busy,
    holdsSlot,
    ready,
    cordoned,
    cordonedForDrain: member.node?.metadata.annotations?.[cordonedAnnotation] !== undefined,
    degraded,
    available: ready && !cordoned && !holdsSlot && !(reached && degraded),
    failure:
      failure && (!reached || degraded) && failure.config === desired
        ? {
            code: failure.code,
            message: failure.message,
            step: failure.step ?? 'Failed',
            output: failure.output ?? '',
            final: failure.final === true,
          }
        : undefined,
  };
}

function conditionOf(
  conditions: readonly { type: string; status: string }[] | undefined,
  type: string,
): string | undefined {
  return conditions?.find((condition) => condition.type === type)?.status;
}
