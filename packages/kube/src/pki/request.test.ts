import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCertificateAuthority } from './authority.ts';
import { parseCertificate } from './certificate.ts';
import { createCertificateRequest } from './create-request.ts';
import { createKey } from './key.ts';
import { inspectCertificateRequest, signCertificateRequest } from './request.ts';
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from './x509.ts';

const node = { commonName: 'system:node:host-1', organizations: ['system:nodes'] };
const hour = 60 * 60 * 1000;

function pemOf(der: Uint8Array): string {
  const body = Buffer.from(der).toString('base64');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----\n`;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

test('a request becomes a client certificate for the key that never left', async () => {
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const key = createKey();
  const request = createCertificateRequest({ ...node, key });
  expect(await inspectCertificateRequest(request)).toMatchObject({ ...node, alternativeNames: [] });
  const certificate = await signCertificateRequest(authority, request, { validity: hour });
  expect(parseCertificate(certificate)).toMatchObject({ ...node, clientAuth: true, isAuthority: false });
  const read = new X509Certificate(certificate);
  expect(read.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(read.validToDate.getTime() - Date.now()).toBeLessThanOrEqual(hour);
});

test('names that a request asks for are reported and never signed', async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ['system:node:a'] }],
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'bank.example' }])],
  });
  const pem = request.toString('pem');
  expect(await inspectCertificateRequest(pem)).toMatchObject({ alternativeNames: ['dns:bank.example'] });
  const authority = await createCertificateAuthority({ commonName: 'varve' });
  const certificate = new X509Certificate(await signCertificateRequest(authority, pem, { validity: hour }));
  expect(certificate.subjectAltName).toBeUndefined();
});

test.each([
  ['RSA 2048', 'RSASSA-PKCS1-v1_5', { modulusLength: 2048 }, true],
  ['RSA 1024', 'RSASSA-PKCS1-v1_5', { modulusLength: 1024 }, false],
])('a request with a key of %s', async (_, name, { modulusLength }, accepted) => {
  const keys = await crypto.subtle.generateKey(
    { name, modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  );
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ['a'] }],
    keys,
    signingAlgorithm: { name },
  });
  const inspected = inspectCertificateRequest(request.toString('pem'));
  if (accepted) expect((await inspected).commonName).toBe('a');
  else await expect(inspected).rejects.toMatchObject({ code: 'CERTIFICATE_REQUEST_INVALID' });
});

test('a request signed by another key is refused', async () => {
  const own = derOf(createCertificateRequest({ ...node, key: createKey() }));
  const swapped = Buffer.from(own);
  const spki = Buffer.from(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' }),
  );
  const at = own.indexOf(spki.subarray(0, 26));
  spki.copy(swapped, at);
  await expect(inspectCertificateRequest(pemOf(swapped))).rejects.toThrow(/signature was not made by its key/);
});

test.each([
  ['two CN', [{ CN: ['system:node:a'] }, { CN: ['admin'] }]],
  ['no CN', [{ O: ['system:nodes'] }]],
])('a request with %s is refused', async (_, name) => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  await expect(inspectCertificateRequest(request.toString('pem'))).rejects.toMatchObject({
    code: 'CERTIFICATE_REQUEST_INVALID',
  });
});

test('bytes after the request, a second block and oversize are refused', async () => {
  const request = createCertificateRequest({ ...node, key: createKey() });
  const invalid = { code: 'CERTIFICATE_REQUEST_INVALID' };
  await expect(
    inspectCertificateRequest(pemOf(Buffer.concat([derOf(request), Buffer.from('0500', 'hex')]))),
  ).rejects.toMatchObject(invalid);
  await expect(inspectCertificateRequest(request + request)).rejects.toMatchObject(invalid);
  await expect(inspectCertificateRequest(request + '\n'.repeat(20_000))).rejects.toMatchObject(invalid);
});

test('no damage changes what a request says', async () => {
  const original = createCertificateRequest({ ...node, key: createKey() });
  const summary = await inspectCertificateRequest(original);
  const der = derOf(original);
  const damages = fc.array(fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damages, async (flips) => {
      const damaged = Buffer.from(der);
      for (const [at, mask] of flips) damaged[at] = (damaged[at] ?? 0) ^ mask;
      try {
        // A few bits are neither signed nor meaningful, such as the sign of an integer in the signature.
        expect(await inspectCertificateRequest(pemOf(damaged))).toEqual(summary);
      } catch (error) {
        expect(error).toMatchObject({ code: 'CERTIFICATE_REQUEST_INVALID' });
        refused += 1;
      }
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(250);
});
