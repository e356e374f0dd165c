// Roles of people: what viewers and operators may do, and how groups get them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorizerOf, Store } from '@varve/apiserver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rolesOf } from './roles.ts';

let directory: string;
let store: Store;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-roles-'));
  store = Store.open(join(directory, 'store.db'));
});

afterAll(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

const configs = 'machineconfiguration.openshift.io/machineconfigs';
const pools = 'machineconfiguration.openshift.io/machineconfigpools';
const requests = 'certificates.k8s.io/certificatesigningrequests';

/** `group/resource` or `resource`, with `:subresource`. */
async function may(groups: readonly string[], verb: string, what: string): Promise<boolean> {
  const [path = '', subresource = ''] = what.split(':');
  const [group, resource] = path.includes('/') ? path.split('/') : ['', path];
  const grants = { admin: ['oidc:root'], operator: ['oidc:ops'], viewer: ['oidc:all', 'oidc:audit'] };
  const user = { name: 'jane', groups: [...groups, 'system:authenticated'] };
  const attributes = {
    kind: 'resource',
    verb,
    group: group ?? '',
    resource: resource ?? '',
    subresource,
    namespace: '',
    name: 'x',
  } as const;
  return (await authorizerOf(rolesOf(store, grants)).authorize(user, attributes)).allowed;
}

describe.each([
  ['varve:viewers', 'varve:operators', 'system:masters'],
  ['oidc:audit', 'oidc:ops', 'oidc:root'],
])('%s, %s and %s', (viewer, operator, admin) => {
  test.each<[verb: string, what: string, viewer: boolean, operator: boolean]>([
    ['list', 'nodes', true, true],
    ['watch', pools, true, true],
    ['get', `${pools}:status`, true, true],
    ['get', requests, true, true],
    ['create', configs, false, true],
    ['delete', configs, false, true],
    ['patch', pools, false, true],
    ['patch', 'nodes', false, true],
    ['deletecollection', 'events', false, true],
    ['update', 'operator.openshift.io/machineconfigurations', false, true],
    ['create', 'config.openshift.io/clusterimagepolicies', false, true],
    ['update', 'config.openshift.io/clusterimagepolicies:status', false, false],
    ['update', `${requests}:approval`, false, true],
    ['delete', requests, false, true],
    ['get', 'secrets', false, false],
    ['list', 'secrets', false, false],
    ['create', 'secrets', false, false],
    ['create', requests, false, false],
    ['update', `${pools}:status`, false, false],
    ['patch', 'nodes:status', false, false],
    ['delete', 'namespaces', false, false],
    ['update', 'coordination.k8s.io/leases', false, false],
    ['impersonate', 'users', false, false],
    ['create', 'authentication.k8s.io/tokenreviews', false, false],
  ])('%s %s', async (verb, what, forViewer, forOperator) => {
    expect(await may([viewer], verb, what)).toBe(forViewer);
    expect(await may([operator], verb, what)).toBe(forOperator);
    expect(await may([admin], verb, what)).toBe(true);
    expect(await may(['others'], verb, what)).toBe(false);
  });
});
