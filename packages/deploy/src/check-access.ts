// Whether the API server lets everyone do what rules.ts grants, and a host nothing more: asked by SubjectAccessReviews, so
// that whatever authorizes on this cluster answers.
import { valueAt } from '@varve/api';
import type { Finding, Server } from './finding.ts';
import { hostPrefix, hostsGroup } from './names.ts';
import { type Grant, grants, type PolicyRule, type Subject } from './rules.ts';

export interface User {
  readonly user: string;
  readonly groups: readonly string[];
}

export interface Access {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** No real host: what it may do is what any host may. */
const someHost = 'varve-check';
const host: User = { user: `${hostPrefix}${someHost}`, groups: [hostsGroup, 'system:authenticated'] };

/** What no host may, by whatever way: each would be the key to the others. */
const denied: readonly Access[] = [
  { verb: 'list', group: '', resource: 'secrets' },
  { verb: 'update', group: 'machineconfiguration.openshift.io', resource: 'machineconfigs' },
  { verb: 'create', group: 'machineconfiguration.openshift.io', resource: 'machineconfigs' },
  { verb: 'update', group: 'machineconfiguration.openshift.io', resource: 'machineconfignodes' },
  { verb: 'update', group: 'machineconfiguration.openshift.io', resource: 'machineconfigpools' },
  { verb: 'update', group: 'certificates.k8s.io', resource: 'certificatesigningrequests', subresource: 'approval' },
];

export async function checkAccess(server: Server, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const grant of grants) findings.push(await checkGrant(server, grant, signal));
  const open: string[] = [];
  for (const access of denied) if (await isAllowed(server, host, access, signal)) open.push(describe(access));
  findings.push(
    open.length === 0
      ? { check: 'limits of hosts', result: 'ok', message: '' }
      : { check: 'limits of hosts', result: 'differs', message: `any host may ${open.join(', ')}; look for its role` },
  );
  const own: Access = { verb: 'patch', group: '', resource: 'nodes', subresource: 'status', name: someHost };
  findings.push(
    (await isAllowed(server, host, own, signal))
      ? { check: 'Node authorizer', result: 'ok', message: '' }
      : {
          check: 'Node authorizer',
          result: 'missing',
          message: 'start kube-apiserver with --authorization-mode=Node,RBAC',
        },
  );
  return findings;
}

async function checkGrant(
  server: Server,
  { name, namespace, subjects, rules }: Grant,
  signal: AbortSignal,
): Promise<Finding> {
  const check = `access ${name}${namespace === undefined ? '' : ` in ${namespace}`}`;
  for (const subject of subjects) {
    for (const access of rules.flatMap((rule) => accessesOf(rule, namespace))) {
      if (await isAllowed(server, userOf(subject), access, signal)) continue;
      return { check, result: 'missing', message: `${subject.name} may not ${describe(access)}; apply --part access` };
    }
  }
  return { check, result: 'ok', message: '' };
}

/** Every single thing that a rule allows. */
export function accessesOf({ apiGroups, resources, verbs, resourceNames }: PolicyRule, namespace?: string): Access[] {
  const accesses: Access[] = [];
  for (const group of apiGroups) {
    for (const path of resources) {
      const [resource = '', subresource] = path.split('/');
      for (const verb of verbs) {
        for (const name of resourceNames ?? [undefined]) {
          accesses.push({
            verb,
            group,
            resource,
            ...(subresource !== undefined && { subresource }),
            ...(namespace !== undefined && { namespace }),
            ...(name !== undefined && { name }),
          });
        }
      }
    }
  }
  return accesses;
}

export function userOf({ kind, name, namespace = '' }: Subject): User {
  if (kind === 'Group') return { user: 'varve-check', groups: [name, 'system:authenticated'] };
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { user: `system:serviceaccount:${namespace}:${name}`, groups };
}

async function isAllowed(
  server: Server,
  user: User,
  resourceAttributes: Access,
  signal: AbortSignal,
): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { ...user, resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  return valueAt(await server.raw(path, { method: 'POST', body, signal }), 'status', 'allowed') === true;
}

function describe({ verb, resource, subresource, name }: Access): string {
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${name === undefined ? '' : ` ${name}`}`;
}
