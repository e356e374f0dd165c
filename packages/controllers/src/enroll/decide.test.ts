import { type CertificateSigningRequest, kubeletClientSigner } from '@varve/api';
import type { CertificateRequest } from '@varve/kube';
import { describe, expect, it } from 'vitest';
import { decide, isOurs, verdictOf } from './decide.ts';

const token = { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] };
const self = { username: 'system:node:web-1', groups: ['system:nodes', 'system:authenticated'] };
const sound: CertificateRequest = {
  commonName: 'system:node:web-1',
  organizations: ['system:nodes'],
  publicKey: '',
  alternativeNames: [],
};

function csr(spec: Partial<CertificateSigningRequest['spec']>): CertificateSigningRequest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr-1' },
    spec: { request: '', signerName: kubeletClientSigner, usages: ['digital signature', 'client auth'], ...spec },
  };
}

describe('decide', () => {
  it.each<[string, Partial<CertificateSigningRequest['spec']>, Partial<CertificateRequest>, boolean, string]>([
    ['a new host with a token', token, {}, false, 'Approve Joined'],
    ['a token for a name that is taken', token, {}, true, 'Wait NodeExists'],
    ['a node that renews', self, {}, true, 'Approve Renewal'],
    ['a node that was deleted', self, {}, false, 'Deny NodeGone'],
    ['a node for another node', self, { commonName: 'system:node:web-2' }, true, 'Wait NotAutomatic'],
    ['a user', { username: 'admin', groups: ['system:masters'] }, {}, false, 'Wait NotAutomatic'],
    ['a user named like a token', { username: 'system:bootstrap:x', groups: [] }, {}, false, 'Wait NotAutomatic'],
    ['another group', token, { organizations: ['system:masters'] }, false, 'Deny RequestInvalid'],
    ['one group more', token, { organizations: ['system:nodes', 'system:masters'] }, false, 'Deny RequestInvalid'],
    ['no node', token, { commonName: 'admin' }, false, 'Deny RequestInvalid'],
    ['no name', token, { commonName: 'system:node:' }, false, 'Deny RequestInvalid'],
    ['no node name', token, { commonName: 'system:node:../x' }, false, 'Deny RequestInvalid'],
    ['alternative names', token, { alternativeNames: ['dns:varve'] }, false, 'Deny RequestInvalid'],
    ['server auth', { ...token, usages: ['client auth', 'server auth'] }, {}, false, 'Deny RequestInvalid'],
    ['no client auth', { ...token, usages: ['digital signature'] }, {}, false, 'Deny RequestInvalid'],
  ])('%s', (_, spec, request, taken, expected) => {
    const decision = decide(csr(spec), { ...sound, ...request }, taken);
    expect(`${decision.kind} ${decision.reason}`).toBe(expected);
    expect(decision.message).not.toBe('');
  });
});

describe('verdictOf', () => {
  it.each<[string[], string | undefined, string]>([
    [[], undefined, 'Pending'],
    [['Approved'], undefined, 'Approved'],
    [['Approved'], 'cert', 'Issued'],
    [['Approved', 'Failed'], undefined, 'Refused'],
    [['Denied'], undefined, 'Refused'],
  ])('%j with certificate %s is %s', (types, certificate, expected) => {
    const conditions = types.map((type) => ({ type, status: 'True' as const }));
    expect(verdictOf({ ...csr({}), status: { conditions, ...(certificate && { certificate }) } })).toBe(expected);
  });
});

describe('on a cluster', () => {
  const cluster = {
    podUser: 'system:serviceaccount:varve-agent:varve-agent',
    joiningGroup: 'system:bootstrappers:varve',
  };
  const pod = { username: cluster.podUser, groups: ['system:serviceaccounts', 'system:authenticated'] };
  const onNode = (...nodes: string[]) => ({ ...pod, extra: { 'authentication.kubernetes.io/node-name': nodes } });
  const joining = { ...token, groups: [...token.groups, cluster.joiningGroup] };

  it.each<[string, Partial<CertificateSigningRequest['spec']>, boolean, string]>([
    ['the pod of the node', onNode('web-1'), true, 'Approve Installed'],
    ['the pod of another node', onNode('web-2'), true, 'Deny NodeMismatch'],
    ['a pod of several nodes', onNode('web-1', 'web-2'), true, 'Deny NodeMismatch'],
    ['a token without a node', pod, true, 'Deny NodeMismatch'],
    ['a user with the claim', { ...onNode('web-1'), username: 'jane' }, true, 'Wait NotAutomatic'],
    ['a new host with a token', joining, false, 'Approve Joined'],
    ['a token for a name that is taken', joining, true, 'Wait NodeExists'],
  ])('%s', (_name, spec, taken, expected) => {
    const decision = decide(csr(spec), sound, taken, cluster);
    expect(`${decision.kind} ${decision.reason}`).toBe(expected);
  });

  it.each<[string, Partial<CertificateSigningRequest['spec']>, boolean]>([
    ['an agent of ours', pod, true],
    ['a host that joins with a token of ours', joining, true],
    ['a kubelet that joins', token, false],
    ['a kubelet that renews', self, false],
    ['another signer', { ...pod, signerName: 'kubernetes.io/kube-apiserver-client' }, false],
  ])('decides on the request of %s: %#', (_name, spec, ours) => {
    expect(isOurs(csr(spec), cluster)).toBe(ours);
  });
});
