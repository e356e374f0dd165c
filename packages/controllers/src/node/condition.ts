// Conditions of a Node (core/v1 NodeCondition), which also tell when they were last reported.
import type { Node } from '@varve/api';
import { formatTime } from '@varve/kube';

type NodeCondition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

export function nodeCondition(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** `node` with the condition in place of the one of its type. */
export function withNodeCondition(
  node: Node,
  update: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>,
  now: Date,
): Node {
  const old = nodeCondition(node, update.type);
  const time = formatTime(now);
  const condition: NodeCondition = {
    ...update,
    lastHeartbeatTime: old?.lastHeartbeatTime ?? time,
    lastTransitionTime: old?.status === update.status ? (old.lastTransitionTime ?? time) : time,
  };
  const others = node.status?.conditions?.filter(({ type }) => type !== update.type) ?? [];
  return { ...node, status: { ...node.status, conditions: [...others, condition] } };
}
