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
  publicRole,
  type Role,
  type Store,
} from '@varve/apiserver';

/** As the API server names a resource in its rules: `plural.group`, or `plural` in the core group. */
function qualified(definition: Pick<ResourceDefinition, 'group' | 'plural'>): string {
  return definition.group === '' ? definition.plural : `${definition.plural}.${definition.group}`;
}

export function rolesOf(store: Store): Role[] {
  const host = nodeRole({
    store,
    ownResources: [qualified(nodeResource), qualified(machineConfigNodeResource)],
    relatedResources: [qualified(machineConfigResource)],
    relatedNames: (node) => configsOf(store, node),
  });
  return [publicRole, basicRole, monitoringRole, adminRole, bootstrapRole(store), host];
}

/** The rendered configs that a host may read: the one that it is to reach, and the one that it runs. */
function configsOf(store: Store, node: string): ReadonlySet<string> {
  const state = store.get({ resource: qualified(machineConfigNodeResource), namespace: '', name: node });
  if (state === undefined) return new Set();
  const desired = textAt(state.object, 'spec', 'configVersion', 'desired');
  const current = textAt(state.object, 'status', 'configVersion', 'current');
  return new Set([desired, current].filter((name) => name !== ''));
}
