// Which pool a host belongs to (machine-config-operator pkg/helpers/helpers.go, GetPrimaryPoolForNode): one at most.
import type { MachineConfigPool, Node } from '@varve/api';
import { matchesSelector } from '@varve/kube';

export type Membership =
  | { readonly kind: 'member'; readonly pool: string }
  | { readonly kind: 'none' }
  /** More than one custom pool claims the host: it belongs to none, since either choice would be a guess. */
  | { readonly kind: 'conflict'; readonly pools: readonly string[] };

/** master beats every other pool, a custom pool beats worker; two custom pools are a conflict. */
export function membershipOf(node: Node, pools: readonly MachineConfigPool[]): Membership {
  const claims = pools
    .filter((pool) => !pool.metadata.deletionTimestamp && matchesSelector(node.metadata.labels, pool.spec.nodeSelector))
    .map((pool) => pool.metadata.name ?? '')
    .sort();
  if (claims.includes('master')) return { kind: 'member', pool: 'master' };
  const custom = claims.filter((name) => name !== 'worker');
  const [pool = claims[0], ...others] = custom;
  if (others.length > 0) return { kind: 'conflict', pools: custom };
  return pool === undefined ? { kind: 'none' } : { kind: 'member', pool };
}
