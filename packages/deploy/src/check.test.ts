import { KubeError } from '@varve/kube';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkCluster, checkGroups, checkVersion, requiredGroups } from './check.ts';
import { accessesOf, userOf } from './check-access.ts';
import { checkManifest, differenceIn, pathOf } from './check-manifests.ts';
import type { Server } from './finding.ts';
import type { Manifest } from './manifest.ts';
import { manifests } from './manifests.ts';
import { grants } from './rules.ts';

const { signal } = new AbortController();
const wanted = manifests({
  image: 'varve',
  replicas: 3,
  nodeSelector: {},
  parts: ['crds', 'access', 'policies', 'control-plane', 'agents'],
});

/** As a cluster has it a while after it was applied. */
function applied(manifest: Manifest): unknown {
  const status = {
    CustomResourceDefinition: { conditions: [{ type: 'Established', status: 'True' }] },
    Deployment: { availableReplicas: 3 },
    DaemonSet: { desiredNumberScheduled: 5, numberReady: 5 },
  };
  return { ...manifest, status: Reflect.get(status, manifest.kind), metadata: { ...manifest.metadata, uid: '1' } };
}

interface Review {
  readonly spec: {
    readonly user: string;
    readonly groups: string[];
    readonly resourceAttributes: Record<string, string>;
  };
}

/** A cluster with everything but `without`, on which RBAC and the Node authorizer decide. */
function cluster({ without = [], open = [] }: { without?: string[]; open?: string[] } = {}): Server {
  const objects = new Map<string, unknown>(wanted.map((one) => [pathOf(one), applied(one)]));
  objects.set('/version', { gitVersion: 'v1.36.1' });
  objects.set('/apis/admissionregistration.k8s.io/v1', { resources: [{ name: 'validatingadmissionpolicies' }] });
  const served = [...requiredGroups, 'monitoring.coreos.com/v1'].map((groupVersion) => ({
    versions: [{ groupVersion }],
  }));
  objects.set('/apis', { groups: served });
  objects.set('/apis/coordination.k8s.io/v1/namespaces/varve-system/leases/varve-controller', {
    spec: { holderIdentity: 'one' },
  });
  objects.set('/api/v1/namespaces/kube-public/configmaps/varve-configuration-keys', { data: { a: 'b' } });
  for (const path of without) if (!objects.delete(path)) throw new Error(`${path} was not there`);
  return {
    async raw(path, { body } = {}) {
      if (path.endsWith('/subjectaccessreviews')) return { status: { allowed: allows(body as Review, open) } };
      if (objects.has(path)) return objects.get(path);
      throw new KubeError('NOT_FOUND', path);
    },
  };
}

function allows({ spec }: Review, open: readonly string[]): boolean {
  const { verb, resource, name } = spec.resourceAttributes;
  if (open.includes(`${verb} ${resource}`)) return true;
  if (spec.user === `system:node:${name}` && resource === 'nodes') return true;
  return grants.some(({ namespace, subjects, rules }) => {
    const holds = subjects.map(userOf).some(({ user, groups }) => {
      return user === spec.user || (user === 'varve-check' && spec.groups.includes(groups[0] ?? ''));
    });
    const all = rules.flatMap((rule) => accessesOf(rule, namespace));
    return holds && all.some((access) => differenceIn(access, spec.resourceAttributes, '') === undefined);
  });
}

describe('a cluster', () => {
  test('that has everything lacks nothing', async () => {
    const findings = await checkCluster(cluster(), signal);
    expect(findings.filter(({ result }) => result !== 'ok')).toEqual([]);
    expect(findings.length).toBeGreaterThan(30);
  });

  test.each([
    [['/apis/coordination.k8s.io/v1/namespaces/varve-system/leases/varve-controller'], 'leader'],
    [['/api/v1/namespaces/kube-public/configmaps/varve-configuration-keys'], 'configuration keys'],
    [['/apis/apps/v1/namespaces/varve-agent/daemonsets/varve-agent'], 'DaemonSet varve-agent/varve-agent'],
    [
      ['/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/varve-own-node'],
      'ValidatingAdmissionPolicyBinding varve-own-node',
    ],
  ])('without %j is told so', async (without, check) => {
    const findings = await checkCluster(cluster({ without }), signal);
    expect(findings.filter(({ result }) => result !== 'ok')).toMatchObject([{ check, result: 'missing' }]);
  });

  test('on which every host may read secrets is told so', async () => {
    const findings = await checkCluster(cluster({ open: ['list secrets'] }), signal);
    const found = { check: 'limits of hosts', result: 'differs', message: expect.stringContaining('list secrets') };
    expect(findings.filter(({ result }) => result !== 'ok')).toMatchObject([found]);
  });

  test('of another operator is refused, and not looked at further', async () => {
    const server: Server = { raw: async (path) => ({ path }) };
    expect(await checkCluster(server, signal)).toMatchObject([{ check: 'other operators', result: 'refused' }]);
  });
});

test.each([
  [undefined, 'missing'],
  [{ resources: [{ name: 'validatingwebhookconfigurations' }] }, 'missing'],
  [{ resources: [{ name: 'validatingwebhookconfigurations' }, { name: 'validatingadmissionpolicies' }] }, 'ok'],
])('a server of admission kinds %j: %s', (resources, result) => {
  expect(checkVersion(resources).result).toBe(result);
});

test('API groups that are not served are named, each by itself', () => {
  const served = requiredGroups.slice(2).map((groupVersion) => ({ versions: [{ groupVersion }] }));
  expect(checkGroups({ groups: served }).map(({ check, result }) => `${check}: ${result}`)).toEqual([
    `API ${requiredGroups[0]}: missing`,
    `API ${requiredGroups[1]}: missing`,
    'Prometheus operator: optional',
  ]);
});

describe('a manifest', () => {
  const find = (kind: string): Manifest => {
    const found = wanted.find((one) => one.kind === kind);
    if (!found) throw new Error(`there is no ${kind}`);
    return found;
  };

  test('with a rule less differs there', () => {
    const role = find('ClusterRole');
    expect(checkManifest(role, { ...role, rules: [] })).toMatchObject({ result: 'differs', message: /^at \.rules;/ });
  });

  test('of a workload is the administrator’s to adjust, but must run', () => {
    const deployment = find('Deployment');
    expect(checkManifest(deployment, { status: { availableReplicas: 1 } }).result).toBe('ok');
    expect(checkManifest(deployment, { status: {} })).toMatchObject({ result: 'missing', message: /available/ });
    const daemonSet = find('DaemonSet');
    const status = { desiredNumberScheduled: 5, numberReady: 3 };
    expect(checkManifest(daemonSet, { status }).message).toBe('2 of 5 pods are not ready');
  });

  test('of a kind that is not established is missing', () => {
    const definition = find('CustomResourceDefinition');
    const status = { conditions: [{ type: 'Established', status: 'False' }] };
    expect(checkManifest(definition, { ...definition, status }).result).toBe('missing');
  });

  test('whose expressions the server finds fault with is told so', () => {
    const policy = find('ValidatingAdmissionPolicy');
    const status = { typeChecking: { expressionWarnings: [{ fieldRef: 'x', warning: 'no such field' }] } };
    expect(checkManifest(policy, { ...policy, status }).message).toContain('no such field');
  });

  test.each(wanted)('$kind $metadata.name has a path', (one) => {
    expect(pathOf(one)).toMatch(/^\/api(s\/[a-z0-9.]+)?\/v1(\/namespaces\/[a-z-]+)?\/[a-z]+\/[a-z0-9.-]+$/);
  });
});

test('an object has what it was made of, whatever a server adds', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(fc.constantFrom('a', 1, true, false, ''), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  }));
  fc.assert(
    fc.property(json.object, (object) => {
      expect(differenceIn(object, { ...object, added: 1 }, '')).toBeUndefined();
      expect(differenceIn({ ...object, more: 'x' }, object, '')).toBe('.more');
    }),
  );
});
