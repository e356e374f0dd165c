// Writes into each ClusterImagePolicy whether the configs of all pools have it, and what holds those back that have not.
import { type ClusterImagePolicy, canonicalJson, clusterImagePolicyResource } from '@varve/api';
import { type ConditionUpdate, setCondition } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { type PoolStanding, Standings } from './standings.ts';

export function createImagePolicyController({ client, informers, logger }: ControllerContext): Controller {
  const queue = createQueue('image-policy', logger, async (key, signal) => {
    const policy = informers.imagePolicies.get(key);
    if (!policy || policy.metadata.deletionTimestamp) return;
    const conditions = setCondition(policy.status?.conditions ?? [], appliedCondition(standings.list()));
    const status = { ...policy.status, conditions: [...conditions] };
    if (canonicalJson(status) === canonicalJson(policy.status)) return;
    await client.updateStatus(clusterImagePolicyResource, { ...policy, status } satisfies ClusterImagePolicy, {
      signal,
    });
  });
  const standings = new Standings(informers, () => {
    for (const policy of informers.imagePolicies.list()) queue.add(nameOf(policy));
  });
  // Whoever else has written into its status: it is put right.
  informers.imagePolicies.onChange(({ key }) => queue.add(key));
  return { run: (signal) => queue.run(signal) };
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
