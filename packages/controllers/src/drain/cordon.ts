// Which hosts are cordoned by Varve, and which cordons are its own: it takes away no other. Pure.
import { cordonedAnnotation, type MachineConfigPool, type Node } from '@varve/api';
import type { Standing } from '../rollout/member.ts';

export interface CordonStep {
  readonly kind: 'Cordoned' | 'Uncordoned';
  /** The Node as it is to be written. */
  readonly node: Node;
}

/**
 * Whether workloads are to leave the host now. Not for a target that its pool no longer wants, nor for a pool that is
 * paused or gone: the rollout controller takes such a slot back, or nobody does.
 */
export function wantsDrain(standing: Standing, pool: MachineConfigPool | undefined): boolean {
  if (!standing.draining || !pool || pool.metadata.deletionTimestamp !== undefined) return false;
  return pool.spec.paused !== true && pool.spec.configuration?.name === standing.desired;
}

/** Whether a host that was drained stays so: from the drain until it is healthy on its target, or aimed at another. */
export function wantsCordon(standing: Standing, pool: MachineConfigPool | undefined): boolean {
  if (standing.busy) return true;
  return standing.draining ? wantsDrain(standing, pool) : standing.holdsSlot && pool !== undefined;
}

/** What brings the Node there; undefined when it is there. A cordon of somebody else's is good enough, and stays. */
export function planCordon(node: Node, wanted: boolean, now: Date): CordonStep | undefined {
  const isOurs = node.metadata.annotations?.[cordonedAnnotation] !== undefined;
  const isCordoned = node.spec?.unschedulable === true;
  if (wanted ? isCordoned : !isOurs) return undefined;
  const { [cordonedAnnotation]: _old, ...annotations } = node.metadata.annotations ?? {};
  if (wanted) annotations[cordonedAnnotation] = now.toISOString();
  const { unschedulable: _was, ...spec } = node.spec ?? {};
  return {
    kind: wanted ? 'Cordoned' : 'Uncordoned',
    node: {
      ...node,
      metadata: { ...node.metadata, annotations },
      spec: wanted ? { ...spec, unschedulable: true } : spec,
    },
  };
}
