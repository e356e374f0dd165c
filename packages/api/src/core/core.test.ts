// The rules of the core kinds that no schema can say: what each refuses, and at which field.
import { describe, expect, test } from 'vitest';
import { type CertificateSigningRequest, certificateSigningRequestResource } from './certificate-signing-request.ts';
import { type ConfigMap, configMapResource } from './config-map.ts';
import { eventResource } from './event.ts';
import { leaseResource } from './lease.ts';
import { type Node, nodeResource } from './node.ts';
import { type Secret, secretResource } from './secret.ts';

const head = { apiVersion: 'v1', kind: 'x', metadata: { name: 'a', namespace: 'default' } };
const fieldsOf = (errors: readonly { readonly field: string }[] | undefined) =>
  (errors ?? []).map(({ field }) => field);

describe('a Secret', () => {
  const fields = (secret: Partial<Secret>, old?: Partial<Secret>) =>
    fieldsOf(secretResource.validate?.({ ...head, ...secret }, old === undefined ? undefined : { ...head, ...old }));

  test.each<[string, Partial<Secret>, string[]]>([
    ['with good data', { data: { 'a.b_c-d': 'Yg==', empty: '' } }, []],
    ['with a bad key', { data: { 'a/b': '' } }, ['data[a/b]']],
    ['with a key that climbs', { data: { '..': '' } }, ['data[..]']],
    ['without base64', { data: { a: 'Yg=' } }, ['data.a']],
    ['of a megabyte and more', { data: { a: Buffer.alloc(1_048_577).toString('base64') } }, ['data']],
    ['of type tls without a key', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, ['data[tls.key]']],
    ['of a type that is called like a method', { type: 'constructor' }, []],
  ])('%s', (_name, secret, expected) => {
    expect(fields(secret)).toEqual(expected);
  });

  test('keeps its type, and its data once it is immutable', () => {
    expect(fields({ type: 'a' }, { type: 'b' })).toEqual(['type']);
    expect(fields({ immutable: true, data: { a: '' } }, { immutable: true, data: {} })).toEqual(['data']);
    expect(fields({ data: {} }, { immutable: true, data: {} })).toEqual(['immutable']);
    expect(fields({ immutable: true, data: { a: '', b: '' } }, { immutable: true, data: { b: '', a: '' } })).toEqual(
      [],
    );
  });
});

test('a ConfigMap has each key once, and bytes as base64', () => {
  const fields = (configMap: Partial<ConfigMap>) =>
    fieldsOf(configMapResource.validate?.({ ...head, ...configMap }, undefined));
  expect(fields({ data: { a: 'ä' }, binaryData: { b: 'Yg==' } })).toEqual([]);
  expect(fields({ data: { a: '1' }, binaryData: { a: 'Yg==' } })).toEqual(['data[a]']);
  expect(fields({ binaryData: { a: '!' } })).toEqual(['binaryData.a']);
});

test('a Node has each taint once, and one provider for ever', () => {
  const node = (spec: Node['spec']): Node => ({ ...head, spec });
  const taint = { key: 'a', effect: 'NoSchedule' } as const;
  expect(
    fieldsOf(nodeResource.validate?.(node({ taints: [taint, { ...taint, effect: 'NoExecute' }] }), undefined)),
  ).toEqual([]);
  expect(fieldsOf(nodeResource.validate?.(node({ taints: [taint, taint] }), undefined))).toEqual(['spec.taints[1]']);
  expect(fieldsOf(nodeResource.validate?.(node({ providerID: 'b' }), node({ providerID: 'a' })))).toEqual([
    'spec.providerID',
  ]);
  expect(fieldsOf(nodeResource.validate?.(node({ providerID: 'b' }), node({})))).toEqual([]);
});

test('a Lease lasts, and its transitions are counted', () => {
  const spec = { leaseDurationSeconds: 0, leaseTransitions: -1 };
  const errors = leaseResource.validate?.({ ...head, spec }, undefined);
  expect(fieldsOf(errors)).toEqual(['spec.leaseDurationSeconds', 'spec.leaseTransitions']);
});

test.each([
  ['default', 'default', []],
  [undefined, 'default', []],
  [undefined, 'other', ['involvedObject.namespace']],
  ['default', 'other', ['involvedObject.namespace']],
])('an Event about an object in %s stands in %s', (about, namespace, expected) => {
  const involvedObject = about === undefined ? {} : { namespace: about };
  const event = { ...head, metadata: { name: 'e', namespace }, involvedObject };
  expect(fieldsOf(eventResource.validate?.(event, undefined))).toEqual(expected);
});

describe('a CertificateSigningRequest', () => {
  const pem = (label: string, body = 'x') =>
    Buffer.from(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`).toString('base64');
  const good = {
    request: pem('CERTIFICATE REQUEST'),
    signerName: 'a.b/c',
    usages: ['client auth'],
  } satisfies CertificateSigningRequest['spec'];
  const csr = (spec: Partial<CertificateSigningRequest['spec']>, status?: CertificateSigningRequest['status']) => ({
    ...head,
    spec: { ...good, ...spec },
    status,
  });
  const approved = { type: 'Approved', status: 'True' } as const;
  const denied = { type: 'Denied', status: 'True' } as const;

  test.each<[string, Partial<CertificateSigningRequest['spec']>, string[]]>([
    ['is good', {}, []],
    ['is no request', { request: pem('CERTIFICATE') }, ['spec.request']],
    ['has no usages', { usages: [] }, ['spec.usages']],
    ['asks nobody', { signerName: 'nobody' }, ['spec.signerName']],
    ['asks the old signer', { signerName: 'kubernetes.io/legacy-unknown' }, ['spec.signerName']],
  ])('%s', (_name, spec, expected) => {
    expect(fieldsOf(certificateSigningRequestResource.validate?.(csr(spec), undefined))).toEqual(expected);
  });

  test.each<[string, CertificateSigningRequest['status'], CertificateSigningRequest['status'], string[]]>([
    ['approved', {}, { conditions: [approved] }, []],
    ['approved and denied', {}, { conditions: [approved, denied] }, ['status.conditions']],
    ['no longer approved', { conditions: [approved] }, { conditions: [] }, ['status.conditions']],
    ['issued', {}, { certificate: pem('CERTIFICATE') }, []],
    ['issued without a certificate', {}, { certificate: pem('KEY') }, ['status.certificate']],
    [
      'issued twice',
      { certificate: pem('CERTIFICATE') },
      { certificate: pem('CERTIFICATE', 'y') },
      ['status.certificate'],
    ],
  ])('is %s', (_name, before, after, expected) => {
    expect(fieldsOf(certificateSigningRequestResource.validate?.(csr({}, after), csr({}, before)))).toEqual(expected);
  });
});
