// Who there is on the cluster, and roles and bindings (rbac.authorization.k8s.io/v1) of what rules.ts grants them.
import { type Manifest, manifest, namespace, serviceAccount } from './manifest.ts';
import { agentName, agentNamespace, controllerName, hostsGroup, systemNamespace } from './names.ts';
import { type Grant, grants, renewalRole, type Subject } from './rules.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;

export function accessManifests(): Manifest[] {
  const renewal = manifest(
    apiVersion,
    'ClusterRoleBinding',
    { name: 'varve-host-renewal' },
    {
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: renewalRole },
      subjects: subjects([{ kind: 'Group', name: hostsGroup }]),
    },
  );
  return [
    namespace(systemNamespace, 'restricted'),
    namespace(agentNamespace, 'privileged'),
    serviceAccount(controllerName, systemNamespace),
    serviceAccount(agentName, agentNamespace),
    ...grants.flatMap(roleAndBinding),
    renewal,
  ];
}

function roleAndBinding({ name, namespace, rules, ...grant }: Grant): Manifest[] {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const names = { name, ...(namespace !== undefined && { namespace }) };
  return [
    manifest(apiVersion, kind, names, { rules }),
    manifest(apiVersion, `${kind}Binding`, names, {
      roleRef: { apiGroup: group, kind, name },
      subjects: subjects(grant.subjects),
    }),
  ];
}

function subjects(all: readonly Subject[]): object[] {
  return all.map((subject) => (subject.kind === 'Group' ? { ...subject, apiGroup: group } : subject));
}
