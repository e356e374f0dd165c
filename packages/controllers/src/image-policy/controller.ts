// Writes into each ClusterImagePolicy whether the configs of all pools have it, and what holds those back that have not.
import { type ClusterImagePolicy, canonicalJson, clusterImagePolicyResource, type MachineConfigPool } from '@varve/api';
import { type ConditionUpdate, setCondition } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { isTargetCurrent, selectConfigs } from '../render/plan.ts';

export function createImagePolicyController(context: ControllerContext): Controller {
  const { client, informers, logger } = context;
  const queue = createQueue('image-policy', logger, async (key, signal) => {
    const policy = informers.imagePolicies.get(key);
    if (!policy || policy.metadata.deletionTimestamp) return;
    const pools = informers.pools.list().map((pool) => standingOf(context, pool));
    const conditions = setCondition(policy.status?.conditions ?? [], appliedCondition(pools));
    const status = { ...policy.status, conditions: [...conditions] };
    if (canonicalJson(status) === canonicalJson(policy.status)) return;
    await client.updateStatus(clusterImagePolicyResource, { ...policy, status } satisfies ClusterImagePolicy, {
      signal,
    });
  });
  const addAll = () => {
    for (const policy of informers.imagePolicies.list()) queue.add(nameOf(policy));
  };
  informers.imagePolicies.onChange(addAll);
  informers.pools.onChange(addAll);
  return { run: (signal) => queue.run(signal) };
}

/** What a pool has of the policies as they are now. */
export interface PoolStanding {
  readonly name: string;
  readonly isCurrent: boolean;
  /** What holds the pool back, as its condition says. */
  readonly trouble: { readonly reason: string; readonly message: string } | undefined;
}

/** Pools without MachineConfigs have no config that a policy could be in. */
function standingOf({ informers }: ControllerContext, pool: MachineConfigPool): PoolStanding {
  const configs = informers.configs.list();
  const degraded = pool.status?.conditions?.find(({ type, status }) => type === 'RenderDegraded' && status === 'True');
  const isEmpty = selectConfigs(pool, configs).length === 0;
  return {
    name: nameOf(pool),
    isCurrent: !isEmpty && isTargetCurrent(pool, configs, informers.imagePolicies.list()),
    trouble: isEmpty ? { reason: 'NoMachineConfigs', message: 'no MachineConfig matches its selector' } : degraded,
  };
}

/** Pure. */
export function appliedCondition(pools: readonly PoolStanding[]): ConditionUpdate {
  const behind = pools.filter(({ isCurrent }) => !isCurrent);
  if (behind.length === 0) {
    const names = pools.map(({ name }) => name).join(', ');
    return { type: 'Applied', status: 'True', reason: 'Rendered', message: `in the configs of: ${names || 'no pool'}` };
  }
  const held = behind.find(({ trouble }) => trouble?.reason === 'SIGNATURE_REJECTED') ?? behind[0];
  const message = behind
    .map(({ name, trouble }) => `pool ${name}: ${trouble?.message ?? 'not rendered yet'}`)
    .join('; ');
  return {
    ...{ type: 'Applied', status: 'False', reason: held?.trouble?.reason ?? 'Pending' },
    message: message.slice(0, 8_192),
  };
}
