import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parseSignaturePolicy } from './parse-policy.ts';
import { readSignaturePolicy } from './read-policy.ts';

const accept = { type: 'insecureAcceptAnything' };
const key = { type: 'sigstoreSigned', keyPath: '/k.pub' };
const pki = { caRootsPath: '/r', subjectEmail: 'a@b.c' };
const fulcio = { caPath: '/ca', oidcIssuer: 'https://issuer.example', subjectEmail: 'a@b.c' };

function parse(value: unknown) {
  return parseSignaturePolicy(typeof value === 'string' ? value : JSON.stringify(value), '/etc/containers/policy.json');
}

test('requirements by scope, with their defaults', () => {
  const policy = parse({
    default: [{ type: 'reject' }],
    transports: {
      docker: { 'quay.io/os': [{ ...key, rekorPublicKeyDatas: ['YQ==', 'Yg=='] }], '': [accept] },
      'docker-daemon': { '': [accept] },
      newer: { anything: [accept] },
    },
  });
  expect(policy.default).toEqual([{ type: 'reject' }]);
  expect([...policy.scopes.keys()]).toEqual(['quay.io/os', '']);
  expect(policy.scopes.get('quay.io/os')).toEqual([
    {
      type: 'sigstoreSigned',
      trust: {
        type: 'keys',
        keys: [{ name: '/k.pub', path: '/k.pub' }],
        rekorKeys: [
          { name: 'rekorPublicKeyDatas[0]', text: 'a' },
          { name: 'rekorPublicKeyDatas[1]', text: 'b' },
        ],
      },
      signedIdentity: { type: 'matchRepoDigestOrExact' },
    },
  ]);
});

const accepted: [string, object][] = [
  ['keyPaths', { type: 'sigstoreSigned', keyPaths: ['/a', '/b'] }],
  ['keyData', { type: 'sigstoreSigned', keyData: 'YQ==' }],
  ['fulcio', { type: 'sigstoreSigned', fulcio, rekorPublicKeyPath: '/r' }],
  ['pki', { type: 'sigstoreSigned', pki: { ...pki, caIntermediatesData: 'YQ==', subjectHostname: 'a.example' } }],
  ['signedBy', { type: 'signedBy', keyType: 'GPGKeys', keyPaths: ['/a'], signedIdentity: { type: 'matchExact' } }],
  ['remapIdentity', { ...key, signedIdentity: { type: 'remapIdentity', prefix: 'a.b:5/c', signedPrefix: 'd' } }],
  ['exactReference', { ...key, signedIdentity: { type: 'exactReference', dockerReference: 'busybox:v1' } }],
];
test.each(accepted)('%s is known', (_name, requirement) => {
  expect(parse({ default: [requirement] }).default).toHaveLength(1);
});

const refused: [string, unknown, string][] = [
  ['no default', {}, 'default'],
  ['an empty list', { default: [] }, 'default'],
  ['an empty list of a scope', { default: [accept], transports: { docker: { a: [] } } }, 'transports.docker.a'],
  ['an empty list of an unknown transport', { default: [accept], transports: { x: { a: [] } } }, 'transports.x.a'],
  ['an unknown key', { default: [accept], more: 1 }, 'more'],
  ['an unknown key of a requirement', { default: [{ ...accept, more: 1 }] }, 'more'],
  ['a key of another case', { Default: [accept] }, 'default'],
  ['an unknown type', { default: [{ type: 'acceptAnything' }] }, 'default.0.type'],
  ['no type', { default: [{}] }, 'default.0.type'],
  ['transports that are nothing', { default: [accept], transports: null }, 'transports'],
  ['a list', [], 'the document'],
  ['a key twice', '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}', 'twice'],
  [
    'a scope twice',
    '{"default":[{"type":"reject"}],"transports":{"docker":{"a":[{"type":"reject"}],"\\u0061":[{"type":"reject"}]}}}',
    'twice',
  ],
  ['a prototype', '{"default":[{"type":"reject"}],"__proto__":{}}', '__proto__'],
  ['text after its end', '{"default":[{"type":"reject"}]} x', 'JSON'],
  ['no key', { default: [{ type: 'sigstoreSigned' }] }, 'exactly one of keyPath'],
  ['two keys', { default: [{ ...key, keyData: 'YQ==' }] }, 'exactly one of keyPath'],
  ['a key and an authority', { default: [{ ...key, pki }] }, 'exactly one of keyPath'],
  ['no paths', { default: [{ type: 'sigstoreSigned', keyPaths: [] }] }, 'keyPaths'],
  ['a key that is not base64', { default: [{ type: 'sigstoreSigned', keyData: 'a' }] }, 'keyData'],
  ['two Rekor keys', { default: [{ ...key, rekorPublicKeyPath: '/a', rekorPublicKeyData: 'YQ==' }] }, 'Rekor'],
  ['Fulcio without Rekor', { default: [{ type: 'sigstoreSigned', fulcio }] }, 'needs a Rekor key'],
  ['Fulcio without an issuer', { default: [{ ...key, fulcio: { caPath: '/a', subjectEmail: 'b' } }] }, 'oidcIssuer'],
  [
    'Fulcio without an authority',
    { default: [{ type: 'sigstoreSigned', fulcio: { ...fulcio, caPath: undefined }, rekorPublicKeyPath: '/r' }] },
    'caPath',
  ],
  ['an authority with Rekor', { default: [{ type: 'sigstoreSigned', pki, rekorPublicKeyPath: '/r' }] }, 'pki does not'],
  ['an authority for everybody', { default: [{ type: 'sigstoreSigned', pki: { caRootsPath: '/r' } }] }, 'subjectEmail'],
  ['an unknown identity', { default: [{ ...key, signedIdentity: { type: 'any' } }] }, 'signedIdentity.type'],
  ['no identity', { default: [{ ...key, signedIdentity: null }] }, 'signedIdentity'],
  [
    'an exact reference without a tag',
    { default: [{ ...key, signedIdentity: { type: 'exactReference', dockerReference: 'a/b' } }] },
    'tag',
  ],
  [
    'a prefix with a tag',
    { default: [{ ...key, signedIdentity: { type: 'remapIdentity', prefix: 'a/b:v1', signedPrefix: 'c' } }] },
    'prefix',
  ],
  ['an unknown kind of GPG', { default: [{ type: 'signedBy', keyType: 'PGP', keyPath: '/a' }] }, 'keyType'],
  ['a relative directory', { default: [accept], transports: { dir: { 'a/b': [accept] } } }, 'absolute'],
  ['the root directory', { default: [accept], transports: { oci: { '/': [accept] } } }, 'absolute'],
  ['a directory with ..', { default: [accept], transports: { dir: { '/a/../b': [accept] } } }, 'absolute'],
  ['a scope of archives', { default: [accept], transports: { 'docker-archive': { a: [accept] } } }, 'transport'],
];
test.each(refused)('%s refuses the whole file', (_name, value, reason) => {
  expect(() => parse(value)).toThrow(
    expect.objectContaining({ code: 'SIGNATURE_POLICY_INVALID', message: expect.stringContaining(reason) }),
  );
});

const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

async function machine(policy?: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'varve-policy-'));
  directories.push(root);
  if (policy === undefined) return root;
  await mkdir(join(root, 'etc/containers'), { recursive: true });
  await writeFile(join(root, 'etc/containers/policy.json'), policy);
  return root;
}

test('a machine without a policy has none', async () => {
  expect(await readSignaturePolicy(await machine())).toBeUndefined();
});

test('keys are read below the root; one that is missing spoils what needs it and nothing else', async () => {
  const root = await machine(
    JSON.stringify({ default: [accept], transports: { docker: { a: [{ ...key, keyPath: '/etc/a.pub' }], b: [key] } } }),
  );
  await writeFile(join(root, 'etc/a.pub'), 'the key');
  const policy = await readSignaturePolicy(root);
  expect(policy?.scopes.get('a')).toMatchObject([{ trust: { keys: [{ name: '/etc/a.pub', text: 'the key' }] } }]);
  expect(policy?.scopes.get('b')).toMatchObject([
    { trust: { keys: [{ name: '/k.pub', problem: 'it does not exist' }] } },
  ]);
});

test.each(['', '{}', ' '.repeat(1024 * 1024 + 1)])(
  'a policy that is not valid is an error, and not none (%#)',
  async (text) => {
    await expect(readSignaturePolicy(await machine(text))).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
  },
);
