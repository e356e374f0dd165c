// Rendered configs that nothing can need any more. Pure.
import { isRendered, type MachineConfig, type MachineConfigNode, type MachineConfigPool } from '@varve/api';

/** Milliseconds that a rendered config is kept whatever refers to it: it may have been made a moment ago. */
export const minAge = 10 * 60_000;
/** Unreferenced ones that a pool keeps, the newest: reverting to one costs no render, and people look at them. */
export const keptPerPool = 5;

export function unreferencedConfigs(
  configs: readonly MachineConfig[],
  pools: readonly MachineConfigPool[],
  states: readonly MachineConfigNode[],
  now: Date,
): MachineConfig[] {
  const used = usedNames(pools, states);
  const perPool = new Map<string, MachineConfig[]>();
  for (const config of configs) {
    if (!isRendered(config) || config.metadata.deletionTimestamp || used.has(config.metadata.name ?? '')) continue;
    const pool = config.metadata.ownerReferences?.find((owner) => owner.kind === 'MachineConfigPool')?.name ?? '';
    perPool.set(pool, [...(perPool.get(pool) ?? []), config]);
  }
  const result: MachineConfig[] = [];
  for (const candidates of perPool.values()) {
    candidates.sort((a, b) => created(b) - created(a));
    for (const config of candidates.slice(keptPerPool)) {
      if (now.getTime() - created(config) >= minAge) result.push(config);
    }
  }
  return result;
}

/** Everything that a pool aims at or has reached, and that a host runs, is to run, has staged or could fall back to. */
function usedNames(pools: readonly MachineConfigPool[], states: readonly MachineConfigNode[]): Set<string | undefined> {
  const used = new Set<string | undefined>();
  for (const pool of pools) used.add(pool.spec.configuration?.name).add(pool.status?.configuration?.name);
  for (const { spec, status } of states) {
    used.add(spec.configVersion.desired);
    used.add(status?.configVersion?.current).add(status?.configVersion?.desired);
    used.add(status?.update?.config).add(status?.update?.staged).add(status?.update?.lastFailure?.config);
    used.add(status?.booted?.config).add(status?.rollback?.config);
  }
  return used;
}

/** An unreadable time counts as now: what cannot be dated is not deleted. */
function created(config: MachineConfig): number {
  const time = Date.parse(config.metadata.creationTimestamp ?? '');
  return Number.isNaN(time) ? Number.MAX_SAFE_INTEGER : time;
}
