import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decideActions } from '../disruption.ts';
import type { ClusterImagePolicy, ClusterImagePolicySpec } from '../kinds/cluster-image-policy.ts';
import type { MergedConfig } from '../merge.ts';
import { validateMachineConfig } from '../validate.ts';
import { signaturePolicyOf, textOfFile, withImagePolicies } from './render.ts';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyData = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');
const anything = { type: 'insecureAcceptAnything' };
const signed = { type: 'sigstoreSigned', keyData, signedIdentity: { type: 'matchRepoDigestOrExact' } };

function policy(
  name: string,
  scopes: string[],
  more: Partial<ClusterImagePolicySpec['policy']> = {},
): ClusterImagePolicy {
  const rootOfTrust = { policyType: 'PublicKey' as const, publicKey: { keyData } };
  const spec = { scopes, policy: { rootOfTrust, ...more } };
  return { apiVersion: 'config.openshift.io/v1', kind: 'ClusterImagePolicy', metadata: { name }, spec };
}

function merged(files: Readonly<Record<string, string>> = {}): MergedConfig {
  const list = Object.entries(files).map(([path, source]) => ({ path, contents: { source } }));
  const config = { ignition: { version: '3.4.0' }, storage: { files: list } };
  return {
    spec: { kernelArguments: ['quiet'], config },
    source: ['a'],
    osImageFrom: undefined,
    extensionsImageFrom: undefined,
  };
}

const data = (value: unknown) => `data:,${encodeURIComponent(JSON.stringify(value))}`;

function fileOf(config: MergedConfig): unknown {
  const policyFile = signaturePolicyOf(config.spec);
  return policyFile?.kind === 'inline' ? JSON.parse(policyFile.text) : policyFile;
}

describe('withImagePolicies', () => {
  test('changes nothing without policies', () => {
    const before = merged();
    expect(withImagePolicies(before, [])).toBe(before);
    const gone = policy('a', ['a.example']);
    gone.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(withImagePolicies(before, [gone])).toBe(before);
  });

  test('writes a policy for docker, and for atomic where a scope fits there', () => {
    const scopes = ['*.b.example', 'a.example/one/two/three', 'a.example/one:tag', 'a.example'];
    const result = withImagePolicies(merged(), [policy('p', scopes)]);
    expect(fileOf(result)).toEqual({
      default: [anything],
      transports: {
        'docker-daemon': { '': [anything] },
        atomic: { '*.b.example': [signed], 'a.example': [signed] },
        docker: Object.fromEntries(scopes.map((scope) => [scope, [signed]])),
      },
    });
    expect(result.imagePolicies).toEqual(['p']);
    expect(result.spec.kernelArguments).toEqual(['quiet']);
  });

  test('tells podman where to look for signatures', () => {
    const { spec } = withImagePolicies(merged(), [policy('p', ['b.example', '*.a.example'])]);
    expect(textOfFile(spec, '/etc/containers/registries.d/sigstore-registries.yaml')).toEqual({
      kind: 'inline',
      text: 'docker:\n  "*.a.example":\n    use-sigstore-attachments: true\n  "b.example":\n    use-sigstore-attachments: true\n',
    });
  });

  test('has policies of one scope met all, whatever their order, and keeps nested scopes apart', () => {
    const a = policy('a', ['r.example', 'r.example/os']);
    const b = policy('b', ['r.example'], { signedIdentity: { matchPolicy: 'MatchRepository' } });
    const result = withImagePolicies(merged(), [b, a]);
    expect(fileOf(result)).toMatchObject({
      transports: {
        docker: {
          'r.example': [signed, { ...signed, signedIdentity: { type: 'matchRepository' } }],
          'r.example/os': [signed],
        },
      },
    });
    expect(withImagePolicies(merged(), [a, b])).toEqual(result);
  });

  test("keeps what a MachineConfig's own policy says, and has both met in one scope", () => {
    const own = {
      default: [{ type: 'reject' }],
      transports: {
        docker: { 'r.example': [anything], 's.example': [{ type: 'signedBy' }], 't.example': [anything] },
        oci: { '': [anything] },
      },
    };
    const result = withImagePolicies(merged({ '/etc/containers/policy.json': data(own) }), [
      policy('p', ['r.example', 's.example']),
    ]);
    expect(fileOf(result)).toMatchObject({
      default: [{ type: 'reject' }],
      transports: {
        docker: { 'r.example': [signed], 's.example': [{ type: 'signedBy' }, signed], 't.example': [anything] },
        oci: { '': [anything] },
      },
    });
  });

  test.each([
    ['no JSON', 'data:,x', 'no JSON'],
    ['no policy', data({ transports: {} }), 'no signature policy'],
    ['a policy from elsewhere', 'https://a.example/policy.json', 'fetched from elsewhere'],
  ])('cannot be put into %s', (_name, source, message) => {
    const config = merged();
    const hash = `sha256-${'a'.repeat(64)}`;
    const contents = { source, ...(source.startsWith('https') && { verification: { hash } }) };
    const storage = { files: [{ path: '/etc/containers/policy.json', contents }] };
    const spec = { ...config.spec, config: { ignition: { version: '3.4.0' }, storage } };
    expect(() => withImagePolicies({ ...config, spec }, [policy('p', ['r.example'])])).toThrow(message);
  });

  test('gives a config that hosts take without a boot', () => {
    const { spec } = withImagePolicies(merged(), [policy('p', ['r.example'])]);
    expect(validateMachineConfig({ metadata: {}, spec }, undefined)).toEqual([]);
    expect(decideActions(merged().spec, spec, undefined)).toEqual([
      { kind: 'Reload', unit: 'crio.service', ifRunning: true },
    ]);
  });
});

test.each<[Partial<ClusterImagePolicySpec['policy']>, object]>([
  [
    {
      rootOfTrust: {
        policyType: 'FulcioCAWithRekor',
        fulcioCAWithRekor: {
          fulcioCAData: 'ca',
          rekorKeyData: 'rekor',
          fulcioSubject: { oidcIssuer: 'https://i.example', signedEmail: 'a@b' },
        },
      },
    },
    {
      fulcio: { caData: 'ca', oidcIssuer: 'https://i.example', subjectEmail: 'a@b' },
      rekorPublicKeyData: 'rekor',
      signedIdentity: { type: 'matchRepoDigestOrExact' },
    },
  ],
  [
    { rootOfTrust: { policyType: 'PKI', pki: { caRootsData: 'r', pkiCertificateSubject: { hostname: 'h' } } } },
    { pki: { caRootsData: 'r', subjectHostname: 'h' }, signedIdentity: { type: 'matchRepoDigestOrExact' } },
  ],
  [
    { signedIdentity: { matchPolicy: 'ExactRepository', exactRepository: { repository: 'q.example/os' } } },
    { keyData, signedIdentity: { type: 'exactRepository', dockerRepository: 'q.example/os' } },
  ],
  [
    {
      signedIdentity: {
        matchPolicy: 'RemapIdentity',
        remapIdentity: { prefix: 'a.example', signedPrefix: 'b.example' },
      },
    },
    { keyData, signedIdentity: { type: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example' } },
  ],
])('%# in the words of policy.json', (more, expected) => {
  const config = withImagePolicies(merged(), [policy('p', ['r.example'], more)]);
  expect(fileOf(config)).toMatchObject({
    transports: { docker: { 'r.example': [{ type: 'sigstoreSigned', ...expected }] } },
  });
});
