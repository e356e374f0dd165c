// A MachineConfigNode for every Node, with the pool that it belongs to. load actual -> load desired -> diff -> apply.
import { apiVersionOf, type MachineConfigNode, machineConfigNodeResource, type Node, nodeResource } from '@varve/api';
import { isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { nodeCondition, withNodeCondition } from './condition.ts';
import { type Membership, membershipOf } from './membership.ts';

/** On a Node: more than one pool claims it. */
const conflictCondition = 'MachineConfigPoolConflict';

export type NodeStep =
  | { readonly kind: 'Create'; readonly pool: string; readonly reason: string }
  | { readonly kind: 'Delete'; readonly uid: string; readonly reason: string }
  | { readonly kind: 'SetPool'; readonly pool: string; readonly reason: string }
  | { readonly kind: 'ReportConflict'; readonly conflict: boolean; readonly reason: string };

export function createNodeController(context: ControllerContext): Controller {
  const { informers, logger } = context;
  const queue = createQueue('node', logger, (key, signal) => reconcileNode(context, key, signal));
  informers.nodes.onChange(({ key }) => queue.add(key));
  informers.states.onChange(({ key }) => queue.add(key));
  informers.pools.onChange((change) => {
    // A pool's status changes with every host; only its selector and its end matter here.
    if (change.type === 'updated' && change.old.metadata.generation === change.object.metadata.generation) return;
    for (const node of informers.nodes.list()) queue.add(nameOf(node));
  });
  return { run: (signal) => queue.run(signal) };
}

async function reconcileNode(context: ControllerContext, name: string, signal: AbortSignal): Promise<void> {
  const node = context.informers.nodes.get(name);
  const state = context.informers.states.get(name);
  const membership = node && membershipOf(node, context.informers.pools.list());
  for (const step of diffNode(node, state, membership)) await applyStep(context, name, node, state, step, signal);
}

/** Pure. A state that belongs to an earlier Node of the same name goes: its history is another host's. */
export function diffNode(
  node: Node | undefined,
  state: MachineConfigNode | undefined,
  membership: Membership | undefined,
): NodeStep[] {
  if (!node || !membership) {
    return state?.metadata.uid ? [{ kind: 'Delete', uid: state.metadata.uid, reason: 'its Node is gone' }] : [];
  }
  const owner = state?.metadata.ownerReferences?.find((reference) => reference.kind === 'Node');
  if (state?.metadata.uid && owner && owner.uid !== node.metadata.uid) {
    return [{ kind: 'Delete', uid: state.metadata.uid, reason: 'it belonged to an earlier Node of this name' }];
  }
  const pool = membership.kind === 'member' ? membership.pool : '';
  const reason = describe(membership);
  const steps: NodeStep[] = [];
  if (!state) steps.push({ kind: 'Create', pool, reason });
  else if (state.spec.pool.name !== pool) steps.push({ kind: 'SetPool', pool, reason });
  const conflict = membership.kind === 'conflict';
  const reported = nodeCondition(node, conflictCondition);
  if (conflict ? reported?.status !== 'True' || reported.message !== reason : reported?.status === 'True') {
    steps.push({ kind: 'ReportConflict', conflict, reason });
  }
  return steps;
}

function describe(membership: Membership): string {
  if (membership.kind === 'member') return `pool ${membership.pool} selects its labels`;
  if (membership.kind === 'none') return 'no pool selects its labels';
  return `pools ${membership.pools.join(' and ')} both select its labels; a host belongs to one: change its labels`;
}

async function applyStep(
  { client, events }: ControllerContext,
  name: string,
  node: Node | undefined,
  state: MachineConfigNode | undefined,
  step: NodeStep,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (step.kind === 'Create' && node) {
      const created = await client.create(machineConfigNodeResource, newState(node, step.pool), { signal });
      events.record(created, 'Normal', 'Created', step.reason);
    } else if (step.kind === 'Delete') {
      // The caches of two kinds are not of one moment: the Node may have come a moment ago.
      if (!node && (await nodeExists(client, name, signal))) return;
      await client.delete(machineConfigNodeResource, name, { uid: step.uid, signal });
    } else if (step.kind === 'SetPool' && state) {
      const next = { ...state, spec: { ...state.spec, pool: { name: step.pool } } };
      await client.update(machineConfigNodeResource, next, { signal });
      events.record(state, 'Normal', 'PoolChanged', step.reason);
    } else if (step.kind === 'ReportConflict' && node) {
      const condition = {
        type: conflictCondition,
        status: step.conflict ? ('True' as const) : ('False' as const),
        reason: step.conflict ? 'SeveralPools' : 'OnePoolAtMost',
        message: step.reason,
      };
      await client.updateStatus(nodeResource, withNodeCondition(node, condition, new Date()), { signal });
      if (step.conflict) events.record(node, 'Warning', 'SeveralPools', step.reason);
    }
  } catch (error) {
    // Someone was faster; the watch brings what they did.
    if (!isKubeError(error, 'ALREADY_EXISTS', 'NOT_FOUND')) throw error;
  }
}

async function nodeExists(client: ControllerContext['client'], name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(nodeResource, name, { signal });
    return true;
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

/** Without a target; the rollout controller sets one as soon as the pool has it. */
function newState(node: Node, pool: string): MachineConfigNode {
  const name = nameOf(node);
  const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid ?? '' };
  return {
    apiVersion: apiVersionOf(machineConfigNodeResource),
    kind: machineConfigNodeResource.kind,
    metadata: { name, ownerReferences: [owner] },
    spec: { node: { name }, pool: { name: pool }, configVersion: { desired: '' } },
  };
}
