// The host as a node of a Kubernetes cluster. Where a kubelet runs on the host, the Node's condition Ready is the kubelet's
// to say, and an update that leaves the node without one is no good. Elsewhere the agent says itself that it is there.
import type { Node } from '@varve/api';
import { type CheckResult, failed, passed } from './result.ts';

export const nodeReadyCheck = 'node-ready';

/**
 * Whether a kubelet looks after the Node, or once did: it alone reports on memory. A node controller that never heard of
 * one says so in the condition's reason (kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go).
 */
export function hasKubelet({ status }: Pick<Node, 'status'>): boolean {
  const memory = status?.conditions?.find(({ type }) => type === 'MemoryPressure');
  return memory !== undefined && memory.reason !== 'NodeStatusNeverUpdated';
}

/** Whether the kubelet has said in this boot that the node is ready. `bootId`: of the running kernel. */
export function isNodeReady(node: Pick<Node, 'status'>, bootId: string): boolean {
  return hasKubelet(node) && node.status?.nodeInfo?.bootID === bootId && readyOf(node)?.status === 'True';
}

/**
 * After an update a node that was ready before must be so again. Passes for a node that nobody could ask about: whether the
 * control plane must be reached is another check's business.
 */
export function checkNodeReady(node: Pick<Node, 'status'> | undefined, wasReady: boolean, bootId: string): CheckResult {
  if (!node || !wasReady || isNodeReady(node, bootId)) return passed(nodeReadyCheck);
  if (node.status?.nodeInfo?.bootID !== bootId) {
    return failed(nodeReadyCheck, 'the kubelet has not reported since the boot; look at its log');
  }
  const { status = 'Unknown', reason = '', message = '' } = readyOf(node) ?? {};
  return failed(nodeReadyCheck, `the node is not ready: Ready=${status} ${reason} ${message}`.trim());
}

function readyOf({ status }: Pick<Node, 'status'>) {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}
