import { type CertificateSigningRequest, kubeletClientSigner } from '@varve/api';
import type { CertificateRequest } from '@varve/kube';
import { describe, expect, it } from 'vitest';
import { decide, verdictOf } from './decide.ts';

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
