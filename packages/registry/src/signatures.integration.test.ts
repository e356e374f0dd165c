// The same images, signatures and policies for skopeo and for us: whatever one accepts or refuses, the other does, too.
// Signing needs skopeo of Debian 13, in the directory that chunked.integration.test.ts makes; without it, this is skipped.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Digest,
  fetchSignedImage,
  OciError,
  parseImageReference,
  RegistryClient,
  readPolicyFile,
  verifySignatures,
} from '@varve/oci';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { TestRegistry } from './test-registry.ts';

const trixie = '/var/cache/varve/tools-trixie';
const hasTrixie = existsSync(join(trixie, 'usr/bin/skopeo'));

let registry: TestRegistry;
let client: RegistryClient;
let digest: Digest;
/** Seen from outside, and from inside of the directory of Debian 13. */
let outside: string;
let inside: string;

beforeAll(async () => {
  if (!hasTrixie) return;
  registry = await TestRegistry.start();
  client = new RegistryClient({ insecure: true });
  outside = await mkdtemp(join(trixie, 'tmp/varve-signatures-'));
  inside = outside.slice(trixie.length);
  await writeFile(join(outside, 'any.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await writeFile(join(outside, 'default.yaml'), 'default-docker:\n  use-sigstore-attachments: true\n');
  await writeFile(join(outside, 'passphrase'), 'secret');
  for (const name of ['key', 'other']) {
    await skopeo(
      'generate-sigstore-key',
      '--output-prefix',
      join(inside, name),
      '--passphrase-file',
      join(inside, 'passphrase'),
    );
  }
  digest = await registry.pushImage('os', 'v1', [Buffer.from('a layer')]);
  await registry.pushImage('unsigned', 'v1', [Buffer.from('another layer')]);
  const sign = signingBy('key');
  await copy('any.json', `docker://${registry.host}/os:v1`, `docker://${registry.host}/os:signed`, ...sign);
  // Takes the signature along, which goes on naming os:signed.
  await copy('any.json', `docker://${registry.host}/os:signed`, `docker://${registry.host}/mirror/os:signed`);
});
afterAll(async () => {
  if (!hasTrixie) return;
  await client.close();
  await registry[Symbol.asyncDispose]();
  await rm(outside, { recursive: true });
});

function signingBy(key: string): string[] {
  const files = [join(inside, `${key}.private`), '--sign-passphrase-file', join(inside, 'passphrase')];
  return ['--sign-by-sigstore-private-key', ...files];
}

async function skopeo(...commandArguments: string[]): Promise<void> {
  await spawn('chroot', [trixie, 'skopeo', ...commandArguments], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: inside },
    timeout: 60_000,
  });
}

async function copy(policy: string, from: string, to: string, ...options: string[]): Promise<void> {
  const files = ['--policy', join(inside, policy), '--registries.d', inside];
  const insecure = ['--src-tls-verify=false', ...(to.startsWith('docker:') ? ['--dest-tls-verify=false'] : [])];
  await skopeo(...files, 'copy', ...insecure, ...options, from, to);
}

async function skopeoAccepts(reference: string): Promise<boolean> {
  try {
    await copy('policy.json', `docker://${reference}`, `dir:${inside}/copied`);
    return true;
  } catch (error) {
    if (error instanceof SubprocessError && error.exitCode === 1) return false;
    throw error;
  }
}

/** What we say: `accepted`, or the code. */
async function ourAnswer(reference: string): Promise<string> {
  try {
    // Keys are named as skopeo sees them.
    const policy = await readPolicyFile(join(outside, 'policy.json'), trixie);
    if (policy === undefined) throw new Error('there is no policy');
    verifySignatures({ policy, ...(await fetchSignedImage(client, parseImageReference(reference))) });
    return 'accepted';
  } catch (error) {
    if (error instanceof OciError) return error.code;
    throw error;
  }
}

/** % stands for the registry; keys are files beside the policy. */
function signedBy(keys: string | string[], signedIdentity?: object): object {
  const paths = [keys].flat().map((name) => join(inside, name));
  return { type: 'sigstoreSigned', keyPaths: paths, ...(signedIdentity && { signedIdentity }) };
}

const accept = { type: 'insecureAcceptAnything' };
const reject = { type: 'reject' };
const repository = { type: 'matchRepository' };

type Answer = 'accepted' | 'SIGNATURE_REJECTED' | 'SIGNATURE_POLICY_INVALID';

const one = (requirement: () => object) => () => ({ default: [requirement()] });
const scoped = (docker: () => Record<string, object[]>) => () => ({
  default: [reject],
  transports: { docker: docker() },
});
const ok = 'accepted';
const no = 'SIGNATURE_REJECTED';
const bad = 'SIGNATURE_POLICY_INVALID';

const cases: [name: string, reference: string, policy: () => unknown, answer: Answer][] = [
  ['its key', '%/os:signed', one(() => signedBy('key.pub')), ok],
  ['its key, by digest', '%/os@DIGEST', one(() => signedBy('key.pub')), ok],
  ['another key', '%/os:signed', one(() => signedBy('other.pub')), no],
  ['one of two keys', '%/os:signed', one(() => signedBy(['other.pub', 'key.pub'])), ok],
  ['the same image by another tag', '%/os:v1', one(() => signedBy('key.pub')), no],
  ['the same by another tag, matchExact', '%/os:v1', one(() => signedBy('key.pub', { type: 'matchExact' })), no],
  ['matchExact', '%/os:signed', one(() => signedBy('key.pub', { type: 'matchExact' })), ok],
  ['matchExact by digest', '%/os@DIGEST', one(() => signedBy('key.pub', { type: 'matchExact' })), no],
  ['the same by another tag, matchRepository', '%/os:v1', one(() => signedBy('key.pub', repository)), ok],
  ['a mirror', '%/mirror/os:signed', one(() => signedBy('key.pub')), no],
  ['a mirror, matchRepository', '%/mirror/os:signed', one(() => signedBy('key.pub', repository)), no],
  [
    'a mirror, exactReference',
    '%/mirror/os:signed',
    one(() => signedBy('key.pub', { type: 'exactReference', dockerReference: `${registry.host}/os:signed` })),
    ok,
  ],
  [
    'a mirror, exactRepository',
    '%/mirror/os:signed',
    one(() => signedBy('key.pub', { type: 'exactRepository', dockerRepository: `${registry.host}/os` })),
    ok,
  ],
  [
    'a mirror, remapIdentity',
    '%/mirror/os:signed',
    one(() =>
      signedBy('key.pub', { type: 'remapIdentity', prefix: `${registry.host}/mirror`, signedPrefix: registry.host }),
    ),
    ok,
  ],
  [
    'a mirror, remapIdentity of another',
    '%/mirror/os:signed',
    one(() =>
      signedBy('key.pub', { type: 'remapIdentity', prefix: `${registry.host}/mirr`, signedPrefix: registry.host }),
    ),
    no,
  ],
  ['no signature', '%/unsigned:v1', one(() => signedBy('key.pub', repository)), no],
  ['no signature, none asked for', '%/unsigned:v1', one(() => accept), ok],
  ['reject', '%/os:signed', one(() => reject), no],
  ['a signature and reject', '%/os:signed', () => ({ default: [signedBy('key.pub'), reject] }), no],
  ['two keys, both asked for', '%/os:signed', () => ({ default: [signedBy('key.pub'), signedBy('other.pub')] }), no],
  ['GPG', '%/os:signed', one(() => ({ type: 'signedBy', keyType: 'GPGKeys', keyPath: join(inside, 'key.pub') })), no],
  ['a key that does not exist', '%/os:signed', one(() => signedBy('nothing.pub')), bad],
  ['a key that is none', '%/os:signed', one(() => signedBy('passphrase')), bad],
  [
    'a key that does not exist, elsewhere',
    '%/os:signed',
    scoped(() => ({ 'a.example': [signedBy('nothing.pub')], '': [accept] })),
    ok,
  ],
  ['the scope of the registry', '%/os:signed', scoped(() => ({ [registry.host]: [signedBy('key.pub')] })), ok],
  ['the scope of the host without its port', '%/os:signed', scoped(() => ({ '127.0.0.1': [accept] })), no],
  ['a wildcard', '%/os:signed', scoped(() => ({ '*.0.0.1': [accept] })), ok],
  ['a longer wildcard', '%/os:signed', scoped(() => ({ '*.0.1': [reject], '*.0.0.1': [accept] })), ok],
  [
    'the registry before a wildcard',
    '%/os:signed',
    scoped(() => ({ '*.0.0.1': [reject], [registry.host]: [accept] })),
    ok,
  ],
  [
    'the repository before the registry',
    '%/os:signed',
    scoped(() => ({ [registry.host]: [reject], [`${registry.host}/os`]: [accept] })),
    ok,
  ],
  ['a part of the repository', '%/mirror/os:signed', scoped(() => ({ [`${registry.host}/mirror`]: [accept] })), ok],
  ['a part of a part', '%/mirror/os:signed', scoped(() => ({ [`${registry.host}/mir`]: [accept] })), no],
  [
    'the tag before the repository',
    '%/os:signed',
    scoped(() => ({ [`${registry.host}/os`]: [reject], [`${registry.host}/os:signed`]: [accept] })),
    ok,
  ],
  [
    'a tag that is not named',
    '%/os@DIGEST',
    scoped(() => ({ [`${registry.host}/os`]: [reject], [`${registry.host}/os:signed`]: [accept] })),
    no,
  ],
  [
    'the digest',
    '%/os@DIGEST',
    scoped(() => ({ [`${registry.host}/os`]: [reject], [`${registry.host}/os@${digest}`]: [accept] })),
    ok,
  ],
  ['all registries', '%/os:signed', scoped(() => ({ '': [accept] })), ok],
  ['the default', '%/os:signed', scoped(() => ({ 'a.example': [accept] })), no],
  ['another transport', '%/os:signed', () => ({ default: [reject], transports: { dir: { '': [accept] } } }), no],
  ['an unknown transport', '%/os:signed', () => ({ default: [accept], transports: { newer: { x: [reject] } } }), ok],
  ['an empty list', '%/os:signed', () => ({ default: [] }), bad],
  ['an empty list, elsewhere', '%/os:signed', () => ({ default: [accept], transports: { docker: { x: [] } } }), bad],
  ['no default', '%/os:signed', () => ({ transports: { docker: { '': [accept] } } }), bad],
  ['an unknown key', '%/os:signed', () => ({ default: [accept], more: 1 }), bad],
  ['an unknown key of a requirement', '%/os:signed', () => ({ default: [{ ...accept, more: 1 }] }), bad],
  ['an unknown type', '%/os:signed', () => ({ default: [{ type: 'anything' }] }), bad],
  [
    'a key twice',
    '%/os:signed',
    () => '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}',
    bad,
  ],
  ['no JSON', '%/os:signed', () => '', bad],
  [
    'two sources of keys',
    '%/os:signed',
    one(() => ({ ...signedBy('key.pub'), keyPath: join(inside, 'key.pub') })),
    bad,
  ],
  ['no source of keys', '%/os:signed', one(() => ({ type: 'sigstoreSigned' })), bad],
  ['a relative scope of dir', '%/os:signed', () => ({ default: [accept], transports: { dir: { a: [accept] } } }), bad],
];

describe.skipIf(!hasTrixie)('skopeo of Debian 13 and we', () => {
  test.each(cases)('%s', async (_name, template, policy, answer) => {
    const value = policy();
    await writeFile(join(outside, 'policy.json'), typeof value === 'string' ? value : JSON.stringify(value));
    const reference = template.replace('%', registry.host).replace('DIGEST', digest);
    expect(await ourAnswer(reference)).toBe(answer);
    expect(await skopeoAccepts(reference)).toBe(answer === 'accepted');
  });

  test('a damaged signature beside a good one: skopeo gives up, we go on', async () => {
    const image = await registry.pushImage('damaged', 'v1', [Buffer.from('a layer that is signed twice')]);
    const name = `docker://${registry.host}/damaged:v1`;
    for (const key of ['other', 'key']) await copy('any.json', name, name, ...signingBy(key));
    await writeFile(join(outside, 'policy.json'), JSON.stringify({ default: [signedBy('key.pub')] }));
    const reference = `${registry.host}/damaged:v1`;
    expect([await ourAnswer(reference), await skopeoAccepts(reference)]).toEqual(['accepted', true]);
    const response = await fetch(registry.url(`damaged/manifests/${image.replace(':', '-')}.sig`));
    const { layers } = z.object({ layers: z.array(z.object({ digest: z.string() })) }).parse(await response.json());
    expect(layers).toHaveLength(2);
    const deleted = await fetch(registry.url(`damaged/blobs/${layers[0]?.digest}`), { method: 'DELETE' });
    expect(deleted.status).toBe(202);
    expect([await ourAnswer(reference), await skopeoAccepts(reference)]).toEqual(['accepted', false]);
  });

  test('it is told whose signature it was', async () => {
    const key = await readFile(join(outside, 'key.pub'), 'utf8');
    const keyData = Buffer.from(key).toString('base64');
    await writeFile(join(outside, 'policy.json'), JSON.stringify({ default: [{ type: 'sigstoreSigned', keyData }] }));
    const policy = await readPolicyFile(join(outside, 'policy.json'));
    if (policy === undefined) throw new Error('there is no policy');
    const image = await fetchSignedImage(client, parseImageReference(`${registry.host}/os:signed`));
    expect(verifySignatures({ policy, ...image }).signatures).toMatchObject([
      { kind: 'attachment', digest, signer: 'keyData', signedReference: `${registry.host}/os:signed` },
    ]);
  });
});
