// Which pools have the image policies as they are. To tell takes a render of the pool, so each is rendered once after a
// change, however many policies ask.
import { type ClusterImagePolicy, canonicalJson, type MachineConfigPool } from '@varve/api';
import { nameOf, type Sources } from '../context.ts';
import { isTargetCurrent, selectConfigs } from '../render/plan.ts';

/** What a pool has of the policies as they are now. */
export interface PoolStanding {
  readonly name: string;
  readonly isCurrent: boolean;
  /** What holds the pool back, as its condition says. */
  readonly trouble: { readonly reason: string; readonly message: string } | undefined;
}

export class Standings {
  readonly #informers: Sources;
  readonly #known = new Map<string, PoolStanding>();
  /** Pools that were changed since. */
  readonly #stale = new Set<string>();

  /** `onChange`: some pools may stand otherwise now. */
  constructor(informers: Sources, onChange: () => void) {
    this.#informers = informers;
    const mark = (pools: readonly string[]) => {
      for (const pool of pools) this.#stale.add(pool);
      if (pools.length > 0) onChange();
    };
    informers.pools.onChange((change) => {
      if (change.type === 'updated' && inputOf(change.old) === inputOf(change.object)) return;
      mark([change.key]);
    });
    informers.imagePolicies.onChange((change) => {
      if (change.type === 'updated' && !isOtherPolicy(change.old, change.object)) return;
      mark(informers.pools.list().map(nameOf));
    });
    // A pool that has the policies keeps them while its MachineConfigs change; the render tells when it does not.
    informers.configs.onChange((change) => {
      const versions = change.type === 'updated' ? [change.object, change.old] : [change.object];
      const behind = informers.pools.list().filter((pool) => this.#known.get(nameOf(pool))?.isCurrent === false);
      mark(behind.filter((pool) => selectConfigs(pool, versions).length > 0).map(nameOf));
    });
  }

  /** Of all pools. Pools without MachineConfigs have no config that a policy could be in. */
  list(): PoolStanding[] {
    for (const name of this.#stale) {
      const pool = this.#informers.pools.get(name);
      if (pool) this.#known.set(name, standingOf(this.#informers, pool));
      else this.#known.delete(name);
    }
    this.#stale.clear();
    return [...this.#known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** A policy that is being deleted counts no longer. */
function isOtherPolicy({ metadata: old }: ClusterImagePolicy, { metadata }: ClusterImagePolicy): boolean {
  return old.generation !== metadata.generation || old.deletionTimestamp !== metadata.deletionTimestamp;
}

/** What a standing is made of, of the pool itself; its other status changes with every host. */
function inputOf(pool: MachineConfigPool): string {
  const { generation, uid } = pool.metadata;
  return canonicalJson({ generation, uid, images: pool.status?.resolvedImages, render: renderCondition(pool) });
}

function standingOf({ configs, imagePolicies }: Sources, pool: MachineConfigPool): PoolStanding {
  const all = configs.list();
  const isEmpty = selectConfigs(pool, all).length === 0;
  const render = renderCondition(pool);
  const degraded = render?.status === 'True' ? render : undefined;
  return {
    name: nameOf(pool),
    isCurrent: !isEmpty && isTargetCurrent(pool, all, imagePolicies.list()),
    trouble: isEmpty ? { reason: 'NoMachineConfigs', message: 'no MachineConfig matches its selector' } : degraded,
  };
}

function renderCondition({ status }: MachineConfigPool) {
  return status?.conditions?.find(({ type }) => type === 'RenderDegraded');
}
