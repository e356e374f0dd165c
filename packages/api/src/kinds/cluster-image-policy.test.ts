import { generateKeyPairSync } from 'node:crypto';
import { type CelInput, isCelError, run } from '@bufbuild/cel';
import { describe, expect, test } from 'vitest';
import { type StructuralSchema, structuralSchema } from '../structural-schema.ts';
import { clusterImagePolicyResource } from './cluster-image-policy.ts';

const keyData = publicKeyData();
const root = { policyType: 'PublicKey', publicKey: { keyData } };
const subject = { oidcIssuer: 'https://issuer.example', signedEmail: 'release@example.com' };

function publicKeyData(): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');
}

function policy(spec: object): object {
  return { apiVersion: 'config.openshift.io/v1', kind: 'ClusterImagePolicy', metadata: { name: 'a' }, spec };
}

const scoped = (...scopes: string[]) => policy({ scopes, policy: { rootOfTrust: root } });
const rooted = (rootOfTrust: object) => policy({ scopes: ['registry.example'], policy: { rootOfTrust } });
const identified = (signedIdentity: object) =>
  policy({ scopes: ['registry.example'], policy: { rootOfTrust: root, signedIdentity } });

describe('what is accepted, by the schema, its rules and our own validation', () => {
  test.each<[object, isValid: boolean]>([
    [scoped('registry.example'), true],
    [scoped('registry.example:5000/os'), true],
    [scoped('127.0.0.1:7443'), true],
    [scoped('localhost:5000/os/web:1.2'), true],
    [scoped(`registry.example/os@sha256:${'a'.repeat(64)}`), true],
    [scoped('*.example.com'), true],
    [scoped('registry'), false],
    [scoped('*'), false],
    [scoped('a.*.example'), false],
    [scoped('*.example.com/os'), false],
    [scoped('registry.example/OS'), false],
    [scoped('registry.example/'), false],
    [scoped('registry.example/os:'), false],
    [scoped(''), false],
    [scoped(), false],
    [scoped(`a.${'b'.repeat(511)}`), false],
    [rooted(root), true],
    [rooted({ policyType: 'PublicKey' }), false],
    [rooted({ ...root, policyType: 'PKI' }), false],
    [rooted({ policyType: 'PublicKey', publicKey: { keyData, rekorKeyData: publicKeyData() } }), true],
    [
      rooted({ policyType: 'PublicKey', publicKey: { keyData: Buffer.from('x'.repeat(90)).toString('base64') } }),
      false,
    ],
    [rooted({ policyType: 'PublicKey', publicKey: { keyData: 'ä'.repeat(80) } }), false],
    [
      rooted({ policyType: 'FulcioCAWithRekor', fulcioCAWithRekor: { rekorKeyData: keyData, fulcioSubject: subject } }),
      false,
    ],
    [identified({ matchPolicy: 'MatchRepository' }), true],
    [identified({ matchPolicy: 'ExactRepository' }), false],
    [identified({ matchPolicy: 'ExactRepository', exactRepository: { repository: 'quay.example/os' } }), true],
    [identified({ matchPolicy: 'ExactRepository', exactRepository: { repository: 'quay.example/os:1' } }), false],
    [identified({ matchPolicy: 'MatchRepository', exactRepository: { repository: 'quay.example/os' } }), false],
    [
      identified({ matchPolicy: 'RemapIdentity', remapIdentity: { prefix: 'a.example', signedPrefix: 'b.example' } }),
      true,
    ],
    [identified({ matchPolicy: 'RemapIdentity', remapIdentity: { prefix: 'a.example', signedPrefix: 'b' } }), false],
    [identified({ matchPolicy: 'MatchExact' }), false],
  ])('%j: %s', (object, isValid) => {
    expect(problems(object).length === 0).toBe(isValid);
    if (!clusterImagePolicyResource.schema.safeParse(object).success) return;
    expect(brokenRules(structuralSchema(clusterImagePolicyResource), object).length === 0).toBe(isValid);
  });
});

test('two keys in one are refused, which rules cannot see', () => {
  const both = Buffer.concat([Buffer.from(keyData, 'base64'), Buffer.from(publicKeyData(), 'base64')]);
  expect(problems(rooted({ policyType: 'PublicKey', publicKey: { keyData: both.toString('base64') } }))).toEqual([
    expect.objectContaining({
      field: 'spec.policy.rootOfTrust.publicKey.keyData',
      message: 'holds 2 keys; one is allowed',
    }),
  ]);
});

function problems(object: object): readonly unknown[] {
  const parsed = clusterImagePolicyResource.schema.safeParse(object);
  if (!parsed.success) return parsed.error.issues;
  return clusterImagePolicyResource.validate?.({ ...parsed.data, metadata: { name: 'a' } }, undefined) ?? [];
}

function brokenRules(schema: StructuralSchema, value: unknown): string[] {
  if (value === undefined) return [];
  const broken: string[] = [];
  for (const { rule, message } of schema.validations ?? []) {
    const result = run(rule, { self: value as CelInput });
    if (isCelError(result)) throw result;
    if (result !== true) broken.push(message);
  }
  if (Array.isArray(value) && schema.items) for (const item of value) broken.push(...brokenRules(schema.items, item));
  else if (typeof value === 'object' && value !== null) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      broken.push(...brokenRules(property, Reflect.get(value, name)));
    }
  }
  return broken;
}
