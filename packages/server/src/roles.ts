// Who may do what on this server: administrators, hosts, hosts that join, and what everyone may read.
import {
  machineConfigNodeResource,
  machineConfigResource,
  nodeResource,
  type ResourceDefinition,
  textAt,
} from '@varve/api';
import {
  adminRole,
  basicRole,
  bootstrapRole,
  monitoringRole,
  nodeRole,
  operatorRole,
  publicRole,
  type Role,
  type Store,
  viewerRole,
} from '@varve/apiserver';

/** As the API server names a resource in its rules: `plural.group`, or `plural` in the core group. */
function qualified(definition: Pick<ResourceDefinition, 'group' | 'plural'>): string {
  return definition.group === '' ? definition.plural : `${definition.plural}.${definition.group}`;
}

/** Groups that have a role besides those that always have it. */
export interface Grants {
  readonly admin?: readonly string[];
  readonly operator?: readonly string[];
  readonly viewer?: readonly string[];
}

export function rolesOf(store: Store, grants: Grants = {}): Role[] {
  const host = nodeRole({
    store,
    ownResources: [qualified(nodeResource), qualified(machineConfigNodeResource)],
    relatedResources: [qualified(machineConfigResource)],
    relatedNames: (node) => configsOf(store, node),
  });
  const admins = grants.admin ?? [];
  return [
    publicRole,
    basicRole,
    monitoringRole,
    adminRole,
    { ...adminRole, holds: (user) => user.groups.some((group) => admins.includes(group)) },
    operatorRole(['varve:operators', ...(grants.operator ?? [])]),
    viewerRole(['varve:viewers', ...(grants.viewer ?? [])]),
    bootstrapRole(store),
    host,
  ];
}

/** The rendered configs that a host may read: the one that it is to reach, and the one that it runs. */
function configsOf(store: Store, node: string): ReadonlySet<string> {
  const state = store.get({ resource: qualified(machineConfigNodeResource), namespace: '', name: node });
  if (state === undefined) return new Set();
  const desired = textAt(state.object, 'spec', 'configVersion', 'desired');
  const current = textAt(state.object, 'status', 'configVersion', 'current');
  return new Set([desired, current].filter((name) => name !== ''));
}
