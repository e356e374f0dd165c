// What a real cosign writes into our registry, held to our policies, and what it says of the same images itself. Runs where
// one is in PATH, 2.6 or 3.1. No transparency log is asked, and no network beyond the registry.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Digest,
  fetchSignedImage,
  OciError,
  parseImageReference,
  parseSignaturePolicy,
  RegistryClient,
  readPolicyKeys,
  verifySignatures,
} from '@varve/oci';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestRegistry } from './test-registry.ts';

const hasCosign = await findCosign();

let registry: TestRegistry;
let client: RegistryClient;
let directory: string;
/** By repository: one image each, signed in one way each. */
const digests = new Map<string, Digest>();

const attachment = ['--new-bundle-format=false'];
const bundle = ['--new-bundle-format=true'];
const ways: Readonly<Record<string, () => Promise<void>>> = {
  attachment: () => sign('attachment', 'key', ...attachment),
  annotated: () => sign('annotated', 'key', ...attachment, '--annotations', 'build=7'),
  named: () => sign('named', 'key', ...attachment, '--sign-container-identity', `${registry.host}/named:v1`),
  twice: async () => {
    await sign('twice', 'other', ...attachment);
    await sign('twice', 'key', ...attachment);
  },
  bundle: () => sign('bundle', 'key', ...bundle),
  'bundle-twice': async () => {
    await sign('bundle-twice', 'other', ...bundle);
    await sign('bundle-twice', 'key', ...bundle);
  },
  both: async () => {
    await sign('both', 'other', ...attachment);
    await sign('both', 'key', ...bundle);
  },
  attested: () => attest('attested', ...attachment),
  'attested-bundle': () => attest('attested-bundle', ...bundle),
  'attested-and-signed': async () => {
    await attest('attested-and-signed', ...bundle);
    await sign('attested-and-signed', 'key', ...bundle);
  },
  unsigned: async () => {},
};

beforeAll(async () => {
  if (!hasCosign) return;
  registry = await TestRegistry.start();
  client = new RegistryClient({ insecure: true });
  directory = await mkdtemp(join(tmpdir(), 'varve-cosign-'));
  for (const name of ['key', 'other']) await cosign('generate-key-pair', '--output-key-prefix', name);
  await writeFile(join(directory, 'predicate.json'), JSON.stringify({ spdxVersion: 'SPDX-2.3' }));
  // Without it, cosign would ask the public one of Sigstore.
  const trustedRoot = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' };
  await writeFile(join(directory, 'trusted-root.json'), JSON.stringify(trustedRoot));
  for (const [name, signIt] of Object.entries(ways)) {
    digests.set(name, await registry.pushImage(name, 'v1', [Buffer.from(`a layer of ${name}`)]));
    await signIt();
  }
});
afterAll(async () => {
  if (!hasCosign) return;
  await client.close();
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Cosign itself makes keys of P-256 alone. */
const otherKeys = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  ed25519: () => generateKeyPairSync('ed25519'),
};

async function importKey(name: keyof typeof otherKeys): Promise<void> {
  const { privateKey } = otherKeys[name]();
  await writeFile(join(directory, `${name}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await cosign('import-key-pair', '--key', `${name}.pem`, '--output-key-prefix', name);
}

async function cosign(...commandArguments: string[]): Promise<string> {
  const env = { HOME: directory, COSIGN_PASSWORD: 'secret', TUF_ROOT: join(directory, 'tuf') };
  return (await spawn('cosign', commandArguments, { cwd: directory, env, timeout: 60_000 })).stdout;
}

async function findCosign(): Promise<boolean> {
  try {
    const { stdout } = await spawn('cosign', ['version', '--json']);
    return /"gitVersion": *"v[23]\./.test(stdout);
  } catch (error) {
    if (error instanceof SubprocessError && error.exitCode === undefined) return false;
    throw error;
  }
}

function byDigest(name: string): string {
  return `${registry.host}/${name}@${digests.get(name)}`;
}

const offline = ['--tlog-upload=false', '--use-signing-config=false', '--yes'];

async function sign(name: string, key: string, ...options: string[]): Promise<void> {
  await cosign('sign', '--key', `${key}.key`, ...offline, ...options, byDigest(name));
}

/** Signs an image of its own, and gives its repository. */
async function signWith(kind: keyof typeof otherKeys, format: 'attachment' | 'bundle'): Promise<string> {
  const name = `${format}-${kind}`.toLowerCase();
  digests.set(name, await registry.pushImage(name, 'v1', [Buffer.from(name)]));
  await sign(name, kind, ...(format === 'attachment' ? attachment : bundle));
  return name;
}

async function attest(name: string, ...options: string[]): Promise<void> {
  const predicate = ['--predicate', 'predicate.json', '--type', 'spdxjson'];
  await cosign('attest', '--key', 'key.key', ...offline, ...predicate, ...options, byDigest(name));
}

/** Whether `cosign verify` accepts it. */
async function cosignAccepts(name: string, key: string, ...options: string[]): Promise<boolean> {
  const trust = ['--key', `${key}.pub`, '--insecure-ignore-tlog=true', '--trusted-root', 'trusted-root.json'];
  try {
    await cosign('verify', ...trust, ...options, byDigest(name));
    return true;
  } catch (error) {
    if (error instanceof SubprocessError && error.exitCode !== undefined) return false;
    throw error;
  }
}

/** What we say: who signed it as what, or the code and the reason. */
async function ourAnswer(reference: string, key: string, signedIdentity?: object): Promise<unknown> {
  const requirement = { type: 'sigstoreSigned', keyPath: `${key}.pub`, ...(signedIdentity && { signedIdentity }) };
  const parsed = parseSignaturePolicy(JSON.stringify({ default: [requirement] }), 'policy.json');
  const policy = await readPolicyKeys(parsed, (path) => readFile(join(directory, path), 'utf8'));
  try {
    const image = await fetchSignedImage(client, parseImageReference(reference));
    return verifySignatures({ policy, ...image }).signatures.map(({ kind, signedReference }) => ({
      kind,
      ...(signedReference !== undefined && { name: signedReference.replace(registry.host, '%') }),
    }));
  } catch (error) {
    if (error instanceof OciError && error.code === 'SIGNATURE_REJECTED') return error.message;
    throw error;
  }
}

const repository = { type: 'matchRepository' };

interface Case {
  way: string;
  /** By its tag; else by its digest. */
  tag?: boolean;
  identity?: object;
  /** Who signed it as what; or a part of the reason why it does not count. */
  expected: readonly object[] | string;
}

function signedAs(name: string): object[] {
  return [{ kind: 'attachment', name: `%/${name}` }];
}
const inBundle = [{ kind: 'bundle' }];

const cases: readonly Case[] = [
  { way: 'attachment', identity: repository, expected: signedAs('attachment') },
  { way: 'attachment', identity: repository, tag: true, expected: signedAs('attachment') },
  { way: 'attachment', expected: 'matchRepoDigestOrExact does not accept' },
  { way: 'annotated', identity: repository, expected: signedAs('annotated') },
  { way: 'named', expected: signedAs('named:v1') },
  { way: 'named', tag: true, expected: signedAs('named:v1') },
  { way: 'named', tag: true, identity: { type: 'matchExact' }, expected: signedAs('named:v1') },
  { way: 'twice', identity: repository, expected: signedAs('twice') },
  { way: 'bundle', identity: repository, expected: inBundle },
  { way: 'bundle', identity: repository, tag: true, expected: 'counts only for one that is named by its digest' },
  { way: 'bundle', expected: 'use matchRepository' },
  { way: 'bundle-twice', identity: repository, expected: inBundle },
  { way: 'both', identity: repository, expected: inBundle },
  { way: 'attested', identity: repository, expected: 'the image has no signature' },
  { way: 'attested-bundle', identity: repository, expected: 'the image has no signature' },
  { way: 'attested-and-signed', identity: repository, expected: inBundle },
  { way: 'unsigned', identity: repository, expected: 'the image has no signature' },
];

describe.skipIf(!hasCosign)('cosign (where it is in PATH)', () => {
  test.each(cases)('$way, tag: $tag, identity: $identity.type', async ({ way, tag = false, identity, expected }) => {
    const answer = await ourAnswer(tag ? `${registry.host}/${way}:v1` : byDigest(way), 'key', identity);
    expect(answer).toEqual(typeof expected === 'string' ? expect.stringContaining(expected) : expected);
  });

  const byOneKey = Object.keys(ways).filter((way) => !['twice', 'bundle-twice', 'both'].includes(way));
  test.each(byOneKey)('%s: a key that has not signed it is refused by both', async (way) => {
    expect(await ourAnswer(byDigest(way), 'other', repository)).toEqual(expect.any(String));
    expect(await cosignAccepts(way, 'other')).toBe(false);
  });

  test.each(['attachment', 'annotated', 'named', 'twice', 'bundle', 'bundle-twice', 'attested-and-signed'])(
    '%s is accepted by cosign, too',
    async (way) => expect(await cosignAccepts(way, 'key')).toBe(true),
  );

  test.each(['attested', 'unsigned'])('%s is refused by cosign, too', async (way) => {
    expect(await cosignAccepts(way, 'key')).toBe(false);
  });

  test('beside a bundle cosign looks at no attachment, and we do', async () => {
    expect(await ourAnswer(byDigest('both'), 'other', repository)).toEqual(signedAs('both'));
    expect(await cosignAccepts('both', 'other')).toBe(false);
  });

  describe.each([
    ['rsa', 'sha256'],
    ['P-384', 'sha384'],
    ['P-521', 'sha512'],
  ] as const)('with a key of the kind %s', (kind, hash) => {
    beforeAll(() => importKey(kind));

    test.each(['attachment', 'bundle'] as const)('by %s', async (format) => {
      const name = await signWith(kind, format);
      expect(await ourAnswer(byDigest(name), kind, repository)).toMatchObject([{ kind: format }]);
      expect(await cosignAccepts(name, kind, '--signature-digest-algorithm', hash)).toBe(true);
    });
  });

  // It signs a hash of what is to be signed (Ed25519ph, RFC 8032 section 5.1), and does not verify that itself.
  describe('with a key of the kind Ed25519, nothing is accepted by either', () => {
    beforeAll(() => importKey('ed25519'));

    test.each(['attachment', 'bundle'] as const)('by %s', async (format) => {
      const name = await signWith('ed25519', format);
      const reason = expect.stringContaining('no key of the policy has made it');
      expect(await ourAnswer(byDigest(name), 'ed25519', repository)).toEqual(reason);
      expect(await cosignAccepts(name, 'ed25519')).toBe(false);
    });
  });

  test('an annotation is found by cosign, and is nothing to us', async () => {
    expect(await cosignAccepts('annotated', 'key', '--annotations', 'build=7')).toBe(true);
    expect(await cosignAccepts('annotated', 'key', '--annotations', 'build=8')).toBe(false);
  });
});
