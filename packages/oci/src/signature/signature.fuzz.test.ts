// Damage anywhere in a policy, an attachment, a bundle or a certificate: it is refused with a code, or changes nothing that
// counts. Nothing that was not signed is ever accepted.
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import { parseImageReference } from '../reference.ts';
import { changes, damage, fuzzRuns } from '../testing/fuzz.ts';
import { parseSignaturePolicy } from './parse-policy.ts';
import type { ImageSignatures } from './signatures.ts';
import { issuerExtension, keyOf, makeCertificate, type TestCertificate } from './testing/certificates.ts';
import {
  attach,
  attachments,
  base64,
  bundle,
  bundles,
  logAttachment,
  logBundle,
  makeKey,
  simpleSigning,
  statement,
} from './testing/sign.ts';
import { verifySignatures } from './verify.ts';

const manifestDigest = digestOf(Buffer.from('manifest'));
const reference = parseImageReference(`registry.example/os@${manifestDigest}`);
const signer = makeKey();
const log = makeKey();
const byRepository = { type: 'matchRepository' };
const now = new Date('2025-10-09T08:53:20Z');

let root: TestCertificate;
let leaf: TestCertificate;
beforeAll(async () => {
  root = await makeCertificate({ name: 'root', isAuthority: true });
  const extensions = [issuerExtension(1, 'https://i.example'), issuerExtension(2, 'https://i.example')];
  leaf = await makeCertificate({ name: 'leaf', issuer: root, emails: ['a@b.example'], extensions });
});

function policyText(fields: object): string {
  return JSON.stringify({ default: [{ type: 'sigstoreSigned', ...fields, signedIdentity: byRepository }] });
}

function verify(policy: string, signatures: ImageSignatures, image = manifestDigest): boolean {
  try {
    const options = { policy: parseSignaturePolicy(policy, 'p'), reference, manifestDigest: image, signatures, now };
    return verifySignatures(options).isSigned;
  } catch (error) {
    if (error instanceof OciError && error.code.startsWith('SIGNATURE_')) return false;
    throw error;
  }
}

const keyPolicy = () => policyText({ keyData: base64(signer.publicPem) });
const fulcioPolicy = () =>
  policyText({
    fulcio: { caData: base64(root.pem), oidcIssuer: 'https://i.example', subjectEmail: 'a@b.example' },
    rekorPublicKeyData: base64(log.publicPem),
  });

function keyless(): ImageSignatures {
  const attachment = attach(keyOf(leaf), simpleSigning(manifestDigest, 'registry.example/os'));
  const value = bundle(keyOf(leaf), statement(manifestDigest));
  const tlogEntries = [logBundle(log, value, leaf.pem)];
  const material = { certificate: { rawBytes: base64(leaf.der) }, tlogEntries };
  return {
    attachments: [
      { ...attachment, certificate: leaf.pem, chain: root.pem, rekorBundle: logAttachment(log, attachment, leaf.pem) },
    ],
    bundles: [JSON.stringify({ ...value, verificationMaterial: material })],
  };
}

test('a policy', () => {
  const signed = attachments(attach(signer, simpleSigning(manifestDigest, 'registry.example/os')));
  const good = keyPolicy();
  expect(verify(good, signed)).toBe(true);
  // Whatever a policy becomes: it parses or has a code.
  fc.assert(
    fc.property(changes, (all) => void verify(damage(good, all), signed)),
    { numRuns: fuzzRuns(300) },
  );
});

test('a payload, signed as it is', () => {
  const good = JSON.stringify(simpleSigning(manifestDigest, 'registry.example/os'));
  fc.assert(
    fc.property(changes, (all) => void verify(keyPolicy(), attachments(attach(signer, damage(good, all))))),
    { numRuns: fuzzRuns(200) },
  );
});

test('a statement, signed as it is', () => {
  const good = JSON.stringify(statement(manifestDigest));
  fc.assert(
    fc.property(changes, (all) => void verify(keyPolicy(), bundles(bundle(signer, damage(good, all))))),
    { numRuns: fuzzRuns(200) },
  );
});

test('each text of an attachment, and a bundle', () => {
  const good = keyless();
  expect(verify(fulcioPolicy(), { ...good, bundles: [] })).toBe(true);
  expect(verify(fulcioPolicy(), { ...good, attachments: [] })).toBe(true);
  const field = fc.constantFrom('payload', 'signature', 'certificate', 'chain', 'rekorBundle');
  fc.assert(
    fc.property(field, changes, (name, all) => {
      const attachment = Object.assign({ payload: '', signature: '' }, good.attachments[0]);
      const signatures = {
        attachments: [{ ...attachment, [name]: damage(String(Reflect.get(attachment, name)), all) }],
        bundles: [damage(good.bundles[0] ?? '', all)],
      };
      verify(fulcioPolicy(), signatures);
      // Of another image it is never.
      expect(verify(fulcioPolicy(), signatures, digestOf(Buffer.from('other')))).toBe(false);
    }),
    { numRuns: fuzzRuns(300) },
  );
});

test('a certificate, byte by byte', () => {
  const attachment = attach(keyOf(leaf), simpleSigning(manifestDigest, 'registry.example/os'));
  const pki = policyText({ pki: { caRootsData: base64(root.pem), subjectEmail: 'a@b.example' } });
  const pem = (der: Uint8Array) => `-----BEGIN CERTIFICATE-----\n${base64(der)}\n-----END CERTIFICATE-----\n`;
  expect(verify(pki, attachments({ ...attachment, certificate: pem(leaf.der) }))).toBe(true);
  fc.assert(
    fc.property(fc.nat(leaf.der.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const der = Buffer.from(leaf.der);
      der[at] = (der[at] ?? 0) ^ mask;
      expect(verify(pki, attachments({ ...attachment, certificate: pem(der) }))).toBe(false);
    }),
    { numRuns: fuzzRuns(300) },
  );
});
