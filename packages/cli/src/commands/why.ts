// varve why: one answer per host to "why is this host not updated?", from the plan by which the controllers act.
import {
  type MachineConfigNode,
  type MachineConfigPool,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  type Node,
  nodeResource,
} from '@varve/api';
import { type Explanation, explainNode, type Member, membershipOf, type Target } from '@varve/controllers';
import { isKubeError, type KubeClient } from '@varve/kube';

export interface HostExplanation extends Explanation {
  readonly node: string;
  readonly pool: string | null;
  /** What differs on the host from its config, whatever it is updated to. */
  readonly drift: readonly string[];
}

interface Fleet {
  readonly pools: readonly MachineConfigPool[];
  readonly nodes: readonly Node[];
  readonly states: readonly MachineConfigNode[];
}

async function loadFleet(client: KubeClient, signal: AbortSignal): Promise<Fleet> {
  const [pools, nodes, states] = await Promise.all([
    client.list(machineConfigPoolResource, { signal }),
    client.list(nodeResource, { signal }),
    client.list(machineConfigNodeResource, { signal }),
  ]);
  return { pools: pools.items, nodes: nodes.items, states: states.items };
}

async function targetOf(client: KubeClient, pool: MachineConfigPool, signal: AbortSignal): Promise<Target | undefined> {
  const config = pool.spec.configuration?.name;
  if (config === undefined) return undefined;
  try {
    const rendered = await client.get(machineConfigResource, config, { signal });
    return { config, image: rendered.spec.osImageURL };
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

function membersOf(pool: string, fleet: Fleet): Member[] {
  const members: Member[] = [];
  for (const state of fleet.states) {
    if (state.spec.pool.name !== pool) continue;
    const name = state.metadata.name ?? '';
    members.push({ name, node: fleet.nodes.find((node) => node.metadata.name === name), state });
  }
  return members;
}

/** NOT_FOUND (the API server's) when there is no such node. */
export async function explainHost(client: KubeClient, name: string, signal: AbortSignal): Promise<HostExplanation> {
  const node = await client.get(nodeResource, name, { signal });
  const fleet = await loadFleet(client, signal);
  const membership = membershipOf(node, fleet.pools);
  const pool =
    membership.kind === 'member' ? fleet.pools.find((one) => one.metadata.name === membership.pool) : undefined;
  const input = {
    pool,
    target: pool === undefined ? undefined : await targetOf(client, pool, signal),
    members: pool === undefined ? [] : membersOf(pool.metadata.name ?? '', fleet),
  };
  const state = fleet.states.find((one) => one.metadata.name === name);
  const drift = (state?.status?.drift ?? []).map(({ path, message, diff }) =>
    diff === undefined ? `${path} ${message}` : `${path} ${message}\n${diff}`,
  );
  return { node: name, pool: pool?.metadata.name ?? null, ...explainNode(name, input), drift };
}
