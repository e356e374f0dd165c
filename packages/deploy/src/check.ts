// What a cluster lacks for Varve: each requirement by itself, with what to do about it. It only reads, and asks the server
// who may do what.
import { configurationKeysName, listAt, textAt, valueAt } from '@varve/api';
import { checkAccess } from './check-access.ts';
import { checkManifests } from './check-manifests.ts';
import type { Finding, Server } from './finding.ts';
import { leaderLease, systemNamespace } from './names.ts';
import { findOtherOperator, readIfThere } from './other-operator.ts';

/** Of 1.30, in which tokens name their node too (KEP-3488, KEP-4193). Whoever builds a server gives it any version. */
const newestKind = { path: '/apis/admissionregistration.k8s.io/v1', resource: 'validatingadmissionpolicies' };

export const requiredGroups = [
  'admissionregistration.k8s.io/v1',
  'apiextensions.k8s.io/v1',
  'apps/v1',
  'certificates.k8s.io/v1',
  'coordination.k8s.io/v1',
  'networking.k8s.io/v1',
  'policy/v1',
  'rbac.authorization.k8s.io/v1',
];

/** @throws what the KubeClient throws when the server cannot be asked */
export async function checkCluster(server: Server, signal: AbortSignal): Promise<Finding[]> {
  const other = await findOtherOperator(server, signal);
  if (other !== undefined) {
    const message = `hosts are moved by ${other}: remove it first, or use another cluster`;
    return [{ check: 'other operators', result: 'refused', message }];
  }
  return [
    { check: 'other operators', result: 'ok', message: '' },
    checkVersion(await readIfThere(server, newestKind.path, signal)),
    ...checkGroups(await server.raw('/apis', { signal })),
    ...(await checkManifests(server, signal)),
    ...(await checkAccess(server, signal)),
    ...(await checkControllers(server, signal)),
  ];
}

/** `resources` are those of the group of the newest kind. */
export function checkVersion(resources: unknown): Finding {
  const check = 'Kubernetes version';
  const served = listAt(resources, 'resources').some((resource) => textAt(resource, 'name') === newestKind.resource);
  return { check, result: served ? 'ok' : 'missing', message: served ? '' : '1.30 or later is needed' };
}

export function checkGroups(groups: unknown): Finding[] {
  const served = new Set<string>();
  for (const group of listAt(groups, 'groups')) {
    for (const version of listAt(group, 'versions')) served.add(textAt(version, 'groupVersion'));
  }
  const findings: Finding[] = requiredGroups
    .filter((group) => !served.has(group))
    .map((group) => ({ check: `API ${group}`, result: 'missing', message: 'the API server does not serve it' }));
  if (findings.length === 0) findings.push({ check: 'API groups', result: 'ok', message: '' });
  const monitoring = served.has('monitoring.coreos.com/v1');
  const message = monitoring ? '' : 'without the Prometheus operator leave out --part monitoring';
  return [...findings, { check: 'Prometheus operator', result: monitoring ? 'ok' : 'optional', message }];
}

/** Whether somebody leads, and hosts could learn the keys. */
async function checkControllers(server: Server, signal: AbortSignal): Promise<Finding[]> {
  const lease = await readIfThere(
    server,
    `/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases/${leaderLease}`,
    signal,
  );
  const holder = textAt(lease, 'spec', 'holderIdentity');
  const { namespace, name } = configurationKeysName;
  const keys = await readIfThere(server, `/api/v1/namespaces/${namespace}/configmaps/${name}`, signal);
  const look = `kubectl logs -n ${systemNamespace} -l app.kubernetes.io/name=varve-controller`;
  return [
    holder === ''
      ? { check: 'leader', result: 'missing', message: `no controller leads: ${look}` }
      : { check: 'leader', result: 'ok', message: holder },
    valueAt(keys, 'data') === undefined
      ? {
          check: 'configuration keys',
          result: 'missing',
          message: `none are published, so that no host can join: ${look}`,
        }
      : { check: 'configuration keys', result: 'ok', message: '' },
  ];
}
