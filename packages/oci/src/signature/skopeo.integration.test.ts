// Signatures that nobody would make, for skopeo and for us: each must judge them alike. Needs skopeo of Debian 13, in the
// directory that the registry's tests make; without it, this is skipped.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RegistryClient } from '../client/registry-client.ts';
import { OciError } from '../error.ts';
import { parseImageReference } from '../reference.ts';
import { parseSignaturePolicy } from './parse-policy.ts';
import type { SignatureAttachment } from './signatures.ts';
import { fetchSignedImage } from './signed-image.ts';
import {
  Extension,
  issuerExtension,
  keyOf,
  makeCertificate,
  type TestCertificate,
  type TestCertificateOptions,
} from './testing/certificates.ts';
import { attach, attachments, base64, logAttachment, makeKey, simpleSigning } from './testing/sign.ts';
import { StaticRegistry } from './testing/static-registry.ts';
import { verifySignatures } from './verify.ts';

const trixie = '/var/cache/varve/tools-trixie';
const hasTrixie = existsSync(join(trixie, 'usr/bin/skopeo'));
const key = makeKey();
const log = makeKey();
const byRepository = { type: 'matchRepository' };
const email = 'signer@example.org';
const oidcIssuer = 'https://issuer.example';

let registry: StaticRegistry;
let client: RegistryClient;
let outside: string;
let inside: string;
let root: TestCertificate;
let images = 0;

beforeAll(async () => {
  if (!hasTrixie) return;
  registry = await StaticRegistry.start();
  client = new RegistryClient({ insecure: true });
  outside = await mkdtemp(join(trixie, 'tmp/varve-crafted-'));
  inside = outside.slice(trixie.length);
  await writeFile(join(outside, 'default.yaml'), 'default-docker:\n  use-sigstore-attachments: true\n');
  root = await makeCertificate({ name: 'root', isAuthority: true });
});
afterAll(async () => {
  if (!hasTrixie) return;
  await client.close();
  await registry[Symbol.asyncDispose]();
  await rm(outside, { recursive: true });
});

/** What skopeo and we say of a new image with these attachments; `make` is told its digest and its repository. */
async function judge(
  requirement: object,
  make: (digest: string, repository: string) => Promise<SignatureAttachment[]> | SignatureAttachment[],
): Promise<[skopeo: boolean, ours: boolean]> {
  images += 1;
  const tag = `v${images}`;
  const digest = registry.image(tag);
  registry.attach(digest, attachments(...(await make(digest, `${registry.host}/os`))));
  const policy = JSON.stringify({ default: [{ type: 'sigstoreSigned', ...requirement }] });
  await writeFile(join(outside, 'policy.json'), policy);
  return [await skopeoAccepts(`${registry.host}/os:${tag}`), await weAccept(policy, `${registry.host}/os:${tag}`)];
}

async function skopeoAccepts(reference: string): Promise<boolean> {
  const files = ['--policy', join(inside, 'policy.json'), '--registries.d', inside];
  const options = ['--src-tls-verify=false', `docker://${reference}`, `dir:${inside}/copied`];
  try {
    await spawn('chroot', [trixie, 'skopeo', ...files, 'copy', ...options], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: inside },
      timeout: 60_000,
    });
    return true;
  } catch (error) {
    if (error instanceof SubprocessError && error.exitCode === 1) return false;
    throw error;
  }
}

async function weAccept(policy: string, reference: string): Promise<boolean> {
  const image = await fetchSignedImage(client, parseImageReference(reference));
  try {
    return verifySignatures({ policy: parseSignaturePolicy(policy, 'p'), ...image }).isSigned;
  } catch (error) {
    if (error instanceof OciError && error.code === 'SIGNATURE_REJECTED') return false;
    throw error;
  }
}

describe.skipIf(!hasTrixie)('skopeo of Debian 13 and we', () => {
  const byKey = () => ({ keyData: base64(key.publicPem), signedIdentity: byRepository });
  const payloads: [string, (text: string) => string, boolean][] = [
    ['as it is', (text) => text, true],
    ['with spaces', (text) => JSON.stringify(JSON.parse(text), null, 3), true],
    ['with annotations', (text) => text.replace('null', '{"a":"b","creator":"x","timestamp":5}'), true],
    ['with a time that is no integer', (text) => text.replace('null', '{"timestamp":5.5}'), false],
    ['with a creator that is no text', (text) => text.replace('null', '{"creator":5}'), false],
    ['with optional of another kind', (text) => text.replace('null', '[]'), false],
    ['without optional', (text) => text.replace(',"optional":null', ''), false],
    ['with another key', (text) => text.replace('"optional"', '"more":1,"optional"'), false],
    ['with a key twice', (text) => text.replace('"optional"', '"optional":null,"optional"'), false],
    ['with a key twice below optional', (text) => text.replace('null', '{"a":1,"a":2}'), false],
    ['with another critical key', (text) => text.replace('"type"', '"more":1,"type"'), false],
    ['of another type', (text) => text.replace('cosign container', 'atomic container'), false],
    [
      'of another digest',
      (text) => text.replace(/sha256:./, (found) => `sha256:${found.endsWith('0') ? '1' : '0'}`),
      false,
    ],
    ['with a key in capitals', (text) => text.replace('docker-manifest', 'Docker-manifest'), false],
    ['that goes on', (text) => `${text}x`, false],
    ['that ends with a line', (text) => `${text}\n`, true],
    ['that is empty', () => '', false],
  ];
  test.each(payloads)('a payload %s', async (_name, change, expected) => {
    const judged = await judge(byKey(), (digest, repository) => [
      attach(key, change(JSON.stringify(simpleSigning(digest, repository)))),
    ]);
    expect(judged).toEqual([expected, expected]);
  });

  test.each(['P-384', 'P-521', 'rsa', 'ed25519'] as const)('a key of the kind %s', async (kind) => {
    const made = makeKey(kind);
    const other = made.hash === null ? made : { ...made, hash: 'sha256' };
    const requirement = { keyData: base64(other.publicPem), signedIdentity: byRepository };
    const sign = (digest: string, repository: string) => attach(other, simpleSigning(digest, repository));
    expect(await judge(requirement, (digest, repository) => [sign(digest, repository)])).toEqual([true, true]);
    const damage = (one: SignatureAttachment) => ({ ...one, signature: base64('damaged') });
    expect(await judge(requirement, (digest, repository) => [damage(sign(digest, repository))])).toEqual([
      false,
      false,
    ]);
  });

  const logged: [
    string,
    (signature: SignatureAttachment, again: SignatureAttachment) => string | undefined,
    boolean,
  ][] = [
    ['of this signature', (signature) => logAttachment(log, signature, key.publicPem), true],
    ['of another signature of the same', (_signature, again) => logAttachment(log, again, key.publicPem), false],
    ['of another key', (signature) => logAttachment(log, signature, makeKey().publicPem), false],
    ['by another log', (signature) => logAttachment(makeKey(), signature, key.publicPem), false],
    ['in another order', (signature) => reorder(logAttachment(log, signature, key.publicPem)), true],
    ['with another field', (signature) => `{"more":1,${logAttachment(log, signature, key.publicPem).slice(1)}`, false],
    ['that is none', () => '{}', false],
    ['that is not there', () => undefined, false],
  ];
  test.each(logged)('an entry of a log %s', async (_name, makeEntry, expected) => {
    const requirement = { ...byKey(), rekorPublicKeyData: base64(log.publicPem) };
    const judged = await judge(requirement, (digest, repository) => {
      const signature = attach(key, simpleSigning(digest, repository));
      const rekorBundle = makeEntry(signature, attach(key, simpleSigning(digest, repository)));
      return [{ ...signature, ...(rekorBundle !== undefined && { rekorBundle }) }];
    });
    expect(judged).toEqual([expected, expected]);
  });

  function reorder(text: string): string {
    const { SignedEntryTimestamp, Payload } = JSON.parse(text);
    return JSON.stringify({ Payload: Object.fromEntries(Object.entries(Payload).reverse()), SignedEntryTimestamp });
  }

  const at = 1_760_000_000;
  const issuers = [issuerExtension(1, oidcIssuer), issuerExtension(2, oidcIssuer)];
  const certificates: [string, Partial<TestCertificateOptions>, number, boolean][] = [
    ['of the signer', {}, at, true],
    ['with the issuer in its first form', { extensions: issuers.slice(0, 1) }, at, true],
    ['with the issuer in its second form', { extensions: issuers.slice(1) }, at, true],
    ['without an issuer', { extensions: [] }, at, false],
    ['of two issuers', { extensions: [...issuers.slice(0, 1), issuerExtension(2, 'https://x.example')] }, at, false],
    ['of another issuer', { extensions: [issuerExtension(2, 'https://x.example')] }, at, false],
    ['of another address', { emails: ['other@example.org'] }, at, false],
    ['of two addresses', { emails: ['other@example.org', email] }, at, true],
    ['of an address in capitals', { emails: ['SIGNER@example.org'] }, at, false],
    ['that was not valid yet', { from: new Date((at + 60) * 1000) }, at, false],
    ['that had ended', { to: new Date((at - 60) * 1000) }, at, false],
    ['for servers', { usages: ['1.3.6.1.5.5.7.3.1'] }, at, false],
    ['for anything', { usages: ['2.5.29.37.0'] }, at, true],
    ['for nothing in particular', { usages: [] }, at, true],
    [
      'with an unknown critical extension',
      { extensions: [...issuers, new Extension('1.2.3.4', true, new Uint8Array([5, 0]))] },
      at,
      false,
    ],
    [
      'with an unknown extension',
      { extensions: [...issuers, new Extension('1.2.3.4', false, new Uint8Array([5, 0]))] },
      at,
      true,
    ],
  ];
  const byFulcio = () => ({
    fulcio: { caData: base64(root.pem), oidcIssuer, subjectEmail: email },
    rekorPublicKeyData: base64(log.publicPem),
    signedIdentity: byRepository,
  });

  test.each(certificates)('a certificate of Fulcio %s', async (_name, options, time, expected) => {
    const leaf = await makeCertificate({
      name: 'leaf',
      issuer: root,
      emails: [email],
      extensions: issuers,
      ...options,
    });
    const judged = await judge(byFulcio(), (digest, repository) => {
      const signature = attach(keyOf(leaf), simpleSigning(digest, repository));
      return [{ ...signature, certificate: leaf.pem, rekorBundle: logAttachment(log, signature, leaf.pem, time) }];
    });
    expect(judged).toEqual([expected, expected]);
  });

  test.each([
    ['with the one between', true],
    ['without it', false],
  ])('a chain of Fulcio %s', async (_name, expected) => {
    const between = await makeCertificate({ name: 'between', issuer: root, isAuthority: true });
    const leaf = await makeCertificate({ name: 'leaf', issuer: between, emails: [email], extensions: issuers });
    const judged = await judge(byFulcio(), (digest, repository) => {
      const signature = attach(keyOf(leaf), simpleSigning(digest, repository));
      const chain = expected ? { chain: between.pem + root.pem } : {};
      return [{ ...signature, certificate: leaf.pem, ...chain, rekorBundle: logAttachment(log, signature, leaf.pem) }];
    });
    expect(judged).toEqual([expected, expected]);
  });

  test('one good signature among others', async () => {
    const judged = await judge(byKey(), (digest, repository) => [
      attach(makeKey(), simpleSigning(digest, repository)),
      attach(key, 'no JSON'),
      attach(key, simpleSigning(digest, repository)),
    ]);
    expect(judged).toEqual([true, true]);
  });
});
