// What nobody may delete, because hosts need it. Controllers and the server's own garbage collection are asked like
// everybody else; what goes with its owner is not (kubernetes.io "Admission Control": such guards are for requests).
import { createHash } from 'node:crypto';
import {
  canonicalJson,
  isRendered,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  type ResourceDefinition,
  valueAt,
} from '@varve/api';
import { type Admission, forbiddenFor, type Store } from '@varve/apiserver';

type Stored = Parameters<NonNullable<Admission['remove']>>[2];

const pools = qualified(machineConfigPoolResource);
const configs = qualified(machineConfigResource);
const hosts = qualified(machineConfigNodeResource);

export function deletionGuards(store: Store): Admission {
  return {
    remove(_user, definition, old) {
      const resource = qualified(definition);
      if (resource === pools) keepUsedPool(definition, old);
      if (resource === configs && isRendered(old)) keepUsedConfig(store, definition, old);
    },
  };
}

/** Its hosts would have no target, and nobody to tell them of the next one. */
function keepUsedPool(definition: ResourceDefinition, pool: Stored): void {
  const count = valueAt(pool, 'status', 'machineCount');
  if (typeof count !== 'number' || count === 0) return;
  const why = `${count} hosts are in the pool; give them to another pool first (spec.nodeSelector, or their labels)`;
  throw forbiddenFor(definition, pool.metadata.name ?? '', why);
}

/** One that is not what its name says may go: it is made again. */
function keepUsedConfig(store: Store, definition: ResourceDefinition, config: Stored): void {
  const { name = '' } = config.metadata;
  if (!isIntact(config)) return;
  const user = userOf(store, pools, name) ?? userOf(store, hosts, name);
  if (user === undefined) return;
  throw forbiddenFor(definition, name, `${user} uses it; rendered configs that nothing uses go by themselves`);
}

/** As `renderMachineConfig` names them. */
function isIntact({ metadata, spec }: Stored): boolean {
  const digest = createHash('sha256').update(canonicalJson(spec)).digest('hex');
  return metadata.name?.endsWith(`-${digest.slice(0, 32)}`) ?? false;
}

/** The first that names the config in its spec or status. Looks at text first: of 100,000 hosts, few are parsed. */
function userOf(store: Store, resource: string, config: string): string | undefined {
  const quoted = JSON.stringify(config);
  for (const stored of store.list({ resource })) {
    if (!stored.text.includes(quoted)) continue;
    const { kind, metadata, spec, status } = stored.object;
    if (JSON.stringify([spec, status]).includes(quoted)) return `${kind} ${metadata.name ?? ''}`;
  }
  return undefined;
}

function qualified({ group, plural }: Pick<ResourceDefinition, 'group' | 'plural'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}
