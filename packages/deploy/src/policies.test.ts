// The expressions of the policies, evaluated on requests as kube-apiserver puts them to them.
import { type CelInput, isCelError, run } from '@bufbuild/cel';
import { expect, test } from 'vitest';
import { type AdmissionPolicy, policies } from './policies.ts';

interface Request {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly name?: string;
  readonly subResource?: string;
  readonly userInfo: {
    readonly username: string;
    readonly groups: string[];
    readonly extra?: Record<string, string[]>;
  };
}

const everyone = 'system:authenticated';
const hostA = { username: 'system:node:a', groups: ['system:nodes', everyone] };
const admin = { username: 'admin', groups: ['system:masters', everyone] };
const pod = { username: 'system:serviceaccount:varve-agent:varve-agent', groups: ['system:serviceaccounts', everyone] };
const podOnA = { ...pod, extra: { 'authentication.kubernetes.io/node-name': ['a'] } };
const joining = { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:bootstrappers:varve'] };
const status = { operation: 'UPDATE', subResource: 'status' } as const;

test.each<[userInfo: Request['userInfo'], request: Omit<Request, 'userInfo'>, allowed: boolean]>([
  [hostA, { ...status, name: 'a' }, true],
  [hostA, { ...status, name: 'b' }, false],
  [hostA, { operation: 'UPDATE', name: 'a' }, false],
  [hostA, { operation: 'DELETE', name: 'a' }, false],
  [hostA, { operation: 'CREATE', name: 'a' }, false],
  [hostA, { operation: 'CREATE' }, false],
  [podOnA, { ...status, name: 'a' }, true],
  [podOnA, { ...status, name: 'b' }, false],
  [pod, { ...status, name: 'a' }, false],
  [{ ...pod, extra: { other: ['a'] } }, { ...status, name: 'a' }, false],
  [{ ...hostA, username: 'system:node:' }, { ...status, name: 'a' }, false],
  [{ ...hostA, username: 'a' }, { ...status, name: 'a' }, false],
  [admin, { operation: 'DELETE', name: 'a' }, true],
])('MachineConfigNodes: %j %j: %s', (userInfo, request, allowed) => {
  expect(isAllowed('varve-own-node', { request: { ...request, userInfo } })).toBe(allowed);
});

const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
test.each<[userInfo: Request['userInfo'], signerName: string, allowed: boolean]>([
  [podOnA, kubelet, true],
  [podOnA, 'kubernetes.io/kube-apiserver-client', false],
  [pod, kubelet, false],
  [joining, kubelet, true],
  [joining, 'kubernetes.io/kube-apiserver-client', false],
  [admin, 'kubernetes.io/kube-apiserver-client', true],
])('certificate requests: %j %s: %s', (userInfo, signerName, allowed) => {
  const request = { operation: 'CREATE', userInfo };
  expect(isAllowed('varve-host-certificates', { request, object: { spec: { signerName } } })).toBe(allowed);
});

const rendered = { name: 'rendered-a', ownerReferences: [{ kind: 'MachineConfigPool' }] };
const orphan = { name: `rendered-a-${'0'.repeat(32)}` };
const source = { name: '50-a', ownerReferences: [{ kind: 'Node' }] };
const spec = (osImageURL: string) => ({ osImageURL, config: { storage: { files: [{ path: '/a' }] } } });
test.each<[old: object, next: object, allowed: boolean]>([
  [{ metadata: rendered, spec: spec('a') }, { metadata: rendered, spec: spec('a') }, true],
  [{ metadata: rendered, spec: spec('a') }, { metadata: rendered, spec: spec('b') }, false],
  [{ metadata: rendered, spec: spec('a') }, { metadata: {}, spec: spec('b') }, false],
  [{ metadata: orphan, spec: spec('a') }, { metadata: orphan, spec: spec('b') }, false],
  [{ metadata: { name: 'rendered-a' }, spec: spec('a') }, { metadata: {}, spec: spec('b') }, true],
  [{ metadata: source, spec: spec('a') }, { metadata: {}, spec: spec('b') }, true],
])('rendered configs: %j to %j: %s', (oldObject, object, allowed) => {
  expect(isAllowed('varve-rendered-configs', { object, oldObject })).toBe(allowed);
});

const byAdmin = { operation: 'DELETE', userInfo: admin } as const;
const byController = {
  ...byAdmin,
  userInfo: { username: 'system:serviceaccount:varve-system:varve-controller', groups: [everyone] },
};
const oldObject = { metadata: orphan };
test.each<[params: object, allowed: boolean]>([
  [{ spec: {} }, true],
  [{ spec: { configuration: {} }, status: {} }, true],
  [{ spec: { configuration: { name: 'rendered-b' } }, status: { configuration: { name: 'rendered-b' } } }, true],
  [{ spec: { configuration: { name: orphan.name } } }, false],
  [{ spec: {}, status: { configuration: { name: orphan.name } } }, false],
])('the deletion of a rendered config beside a pool %j: %s', (fields, allowed) => {
  const params = { metadata: { name: 'web' }, ...fields };
  expect(isAllowed('varve-configs-of-pools', { request: byAdmin, oldObject, params })).toBe(allowed);
  expect(isAllowed('varve-configs-of-pools', { request: byController, oldObject, params })).toBe(true);
  const source = { metadata: { name: '50-a' } };
  expect(isAllowed('varve-configs-of-pools', { request: byAdmin, oldObject: source, params })).toBe(true);
});

test.each<[params: object, allowed: boolean]>([
  [{ spec: { configVersion: { desired: 'rendered-b' } } }, true],
  [{ spec: { configVersion: { desired: 'rendered-b' } }, status: { update: {}, booted: {} } }, true],
  [{ spec: { configVersion: { desired: orphan.name } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { configVersion: { current: orphan.name } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { configVersion: { desired: orphan.name } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { update: { config: orphan.name } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { update: { staged: orphan.name } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { update: { lastFailure: { config: orphan.name } } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { booted: { config: orphan.name } } }, false],
  [{ spec: { configVersion: { desired: '' } }, status: { rollback: { config: orphan.name } } }, false],
])('the deletion of a rendered config beside a host %j: %s', (fields, allowed) => {
  const params = { metadata: { name: 'a' }, ...fields };
  expect(isAllowed('varve-configs-of-hosts', { request: byAdmin, oldObject, params })).toBe(allowed);
});

test.each<[pool: object, allowed: boolean]>([
  [{ status: { machineCount: 1 } }, false],
  [{ status: { machineCount: 0 } }, true],
  [{ status: {} }, true],
  [{}, true],
])('the deletion of a pool %j: %s', (oldObject, allowed) => {
  expect(isAllowed('varve-used-pools', { oldObject })).toBe(allowed);
});

test('every policy fails closed on what it cannot evaluate, with messages of one line', () => {
  for (const { validations } of policies) {
    expect(validations.length).toBeGreaterThan(0);
    for (const { message } of validations) expect(message).toMatch(/^[^\r\n]+$/);
  }
});

function isAllowed(name: string, activation: object): boolean {
  const policy = policies.find((one) => one.name === name);
  if (!policy) throw new Error(`there is no policy ${name}`);
  return !matches(policy, activation) || denials(policy, activation).length === 0;
}

function matches({ matchConditions }: AdmissionPolicy, activation: object): boolean {
  return matchConditions.every(({ expression }) => evaluate(expression, activation) === true);
}

/** Messages of what does not hold; what cannot be evaluated does not. */
function denials({ variables = [], validations }: AdmissionPolicy, activation: object): string[] {
  const values = Object.fromEntries(variables.map(({ name, expression }) => [name, evaluate(expression, activation)]));
  const broken = validations.filter(
    ({ expression }) => evaluate(expression, { ...activation, variables: values }) !== true,
  );
  return broken.map(({ message }) => message);
}

function evaluate(expression: string, activation: object): unknown {
  const result = run(expression, activation as Record<string, CelInput>);
  if (isCelError(result)) throw result;
  return result;
}
