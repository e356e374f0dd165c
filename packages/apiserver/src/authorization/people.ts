// Roles of people, by the groups of their certificates or tokens: viewers see everything but secrets, operators also change
// what the fleet runs. Whoever writes MachineConfigs is root on every host, so an operator is no less than that; what an
// operator cannot do is to make credentials, or to read others'.
import type { ResourceAttributes } from '../user.ts';
import type { Role } from './authorizer.ts';

const reads = ['get', 'list', 'watch'];
const writes = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** Groups of which everything may be written. */
const fleetGroups = ['machineconfiguration.openshift.io', 'operator.openshift.io', 'config.openshift.io'];
const coreResources = ['nodes', 'configmaps', 'events'];

export function viewerRole(groups: readonly string[]): Role {
  return {
    holds: (user) => user.groups.some((group) => groups.includes(group)),
    allows: (_user, attributes) =>
      attributes.kind === 'resource'
        ? mayRead(attributes)
        : (attributes.verb === 'get' || attributes.verb === 'head') && attributes.path === '/metrics',
    resourceRules: [
      { verbs: reads, apiGroups: [...fleetGroups, 'coordination.k8s.io', 'certificates.k8s.io'], resources: ['*'] },
      { verbs: reads, apiGroups: [''], resources: [...coreResources, 'namespaces'] },
    ],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }],
  };
}

export function operatorRole(groups: readonly string[]): Role {
  const viewer = viewerRole(groups);
  return {
    ...viewer,
    allows: (user, attributes) =>
      viewer.allows(user, attributes) || (attributes.kind === 'resource' && mayWrite(attributes)),
    resourceRules: [
      ...viewer.resourceRules,
      { verbs: writes, apiGroups: fleetGroups, resources: ['*'] },
      { verbs: writes, apiGroups: [''], resources: coreResources },
      {
        verbs: ['update', 'patch'],
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests/approval'],
      },
      { verbs: ['delete'], apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'] },
    ],
  };
}

function mayRead({ verb, group, resource }: ResourceAttributes): boolean {
  return reads.includes(verb) && !(group === '' && resource === 'secrets');
}

/** The status of a kind is its controller's or its host's. */
function mayWrite({ verb, group, resource, subresource }: ResourceAttributes): boolean {
  if (group === 'certificates.k8s.io') {
    if (subresource === 'approval') return verb === 'update' || verb === 'patch';
    return subresource === '' && verb === 'delete';
  }
  if (subresource !== '' || !writes.includes(verb)) return false;
  return fleetGroups.includes(group) || (group === '' && coreResources.includes(resource));
}
