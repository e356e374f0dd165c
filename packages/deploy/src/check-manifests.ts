// Whether the manifests are on the cluster as this version would print them.
import { isDeepStrictEqual } from 'node:util';
import { listAt, textAt, valueAt } from '@varve/api';
import type { Finding, Server } from './finding.ts';
import type { Manifest } from './manifest.ts';
import { manifests } from './manifests.ts';
import { readIfThere } from './other-operator.ts';

/** Plurals of the kinds in the manifests, as URLs have them. */
const plurals: Readonly<Record<string, string>> = {
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  CustomResourceDefinition: 'customresourcedefinitions',
  DaemonSet: 'daemonsets',
  Deployment: 'deployments',
  Namespace: 'namespaces',
  NetworkPolicy: 'networkpolicies',
  PodDisruptionBudget: 'poddisruptionbudgets',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
};

/** What these say is the administrator's: image, replicas, where they run. */
const adjustable = ['Deployment', 'DaemonSet', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'Namespace'];

export async function checkManifests(server: Server, signal: AbortSignal): Promise<Finding[]> {
  const wanted = manifests({
    image: '',
    replicas: 1,
    nodeSelector: {},
    parts: ['crds', 'access', 'policies', 'control-plane', 'agents'],
  });
  const findings: Finding[] = [];
  for (const one of wanted) findings.push(checkManifest(one, await readIfThere(server, pathOf(one), signal)));
  return findings;
}

export function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const inside = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${inside}/${plurals[kind] ?? ''}/${metadata.name}`;
}

export function checkManifest(wanted: Manifest, found: unknown): Finding {
  const { kind, metadata } = wanted;
  const check = `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
  if (found === undefined) return { check, result: 'missing', message: 'apply what `varve kube manifests` prints' };
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...content } = wanted;
  const difference = adjustable.includes(kind) ? undefined : differenceIn(content, found, '');
  if (difference !== undefined) {
    return { check, result: 'differs', message: `at ${difference}; apply what this version of varve prints` };
  }
  const problem = healthProblem(kind, found);
  return problem === undefined ? { check, result: 'ok', message: '' } : { check, result: 'missing', message: problem };
}

/** Path of the first thing that is wanted and not there; servers add defaults, which do not count. */
export function differenceIn(wanted: unknown, found: unknown, path: string): string | undefined {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(found) || wanted.length !== found.length) return path;
    for (const [index, item] of wanted.entries()) {
      const difference = differenceIn(item, found[index], `${path}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof found !== 'object' || found === null) return isEmpty(wanted) ? undefined : path;
    for (const [key, value] of Object.entries(wanted)) {
      const difference = differenceIn(value, valueAt(found, key), `${path}.${key}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  // Servers drop what says nothing: false, '' and 0 of optional fields.
  const isNothing = found === undefined && (wanted === false || wanted === '' || wanted === 0);
  return isNothing || isDeepStrictEqual(wanted, found) ? undefined : path;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function healthProblem(kind: string, found: unknown): string | undefined {
  const count = (...path: string[]) => Number(valueAt(found, ...path) ?? 0);
  switch (kind) {
    case 'CustomResourceDefinition': {
      const conditions = listAt(found, 'status', 'conditions');
      const established = conditions.find((condition) => textAt(condition, 'type') === 'Established');
      return textAt(established, 'status') === 'True' ? undefined : 'the API server does not serve it yet';
    }
    case 'Deployment':
      return count('status', 'availableReplicas') > 0 ? undefined : 'no replica is available';
    case 'DaemonSet': {
      const wanted = count('status', 'desiredNumberScheduled');
      const ready = count('status', 'numberReady');
      return ready >= wanted ? undefined : `${wanted - ready} of ${wanted} pods are not ready`;
    }
    case 'ValidatingAdmissionPolicy': {
      const warnings = listAt(found, 'status', 'typeChecking', 'expressionWarnings');
      return warnings.length === 0
        ? undefined
        : `its expressions do not fit the kinds: ${textAt(warnings[0], 'warning')}`;
    }
    default:
      return undefined;
  }
}
