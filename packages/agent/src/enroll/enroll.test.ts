import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateSigningRequest } from '@varve/api';
import { createCertificateAuthority, createKey, issueClientCertificate } from '@varve/kube';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pendingKey, readIdentity, renewalTime, writeCredential, writeServer } from './identity.ts';
import { answerOf, requestName } from './request.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'varve-identity-')), 'identity');
});
afterEach(async () => await rm(join(directory, '..'), { recursive: true }));

async function credential(validity: number) {
  const authority = await createCertificateAuthority({ commonName: 'test' });
  const options = { commonName: 'system:node:a', organizations: ['system:nodes'], validity };
  const { certificate, key } = await issueClientCertificate(authority, options);
  return { cert: certificate, key };
}

test('an identity is there when everything of it is, and only its owner can read it', async () => {
  const { cert, key } = await credential(60_000);
  expect(await readIdentity(directory)).toBeUndefined();
  await writeServer(directory, { server: 'https://a:1', nodeName: 'a' });
  expect(await readIdentity(directory)).toBeUndefined();
  await writeCredential(directory, { cert, key });
  const identity = await readIdentity(directory);
  expect(identity?.key.trim()).toBe(key.trim());
  expect(cert).toContain(identity?.cert.trim());
  for (const name of await readdir(directory)) {
    expect((await stat(join(directory, name))).mode & 0o077, name).toBe(0);
  }
  expect((await stat(directory)).mode & 0o077).toBe(0);
});

test('a join that was killed goes on with its key, and forgets it when it is used', async () => {
  const key = await pendingKey(directory, createKey);
  expect(await pendingKey(directory, createKey)).toBe(key);
  await writeCredential(directory, await credential(60_000));
  expect(await readFile(join(directory, 'pending-key.pem'), 'utf8')).toBe('');
  expect(await pendingKey(directory, createKey)).not.toBe(key);
});

test('a renewal that was killed before it forgot its key makes another one the next time', async () => {
  const { cert, key } = await credential(60_000);
  await pendingKey(directory, () => key);
  expect(await pendingKey(directory, createKey)).toBe(key);
  expect(await pendingKey(directory, createKey, `${cert}\n`)).toBe(key);
  const next = await pendingKey(directory, createKey, key.trim());
  expect(next).not.toBe(key);
  expect(await pendingKey(directory, createKey, key)).toBe(next);
});

test('a damaged credential is refused with what to do', async () => {
  await writeServer(directory, { server: 'https://a:1', nodeName: 'a' });
  await writeCredential(directory, { cert: 'x', key: 'y' });
  await expect(readIdentity(directory)).rejects.toMatchObject({ code: 'IDENTITY_INVALID' });
  const cert = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
  await writeCredential(directory, { cert, key: createKey() });
  await expect(readIdentity(directory)).rejects.toMatchObject({ code: 'IDENTITY_INVALID' });
});

test('renewal is due at two thirds of the life', async () => {
  const hour = 3_600_000;
  const { cert } = await credential(24 * hour);
  const due = renewalTime(cert).getTime() - Date.now();
  expect(due).toBeGreaterThan(15 * hour);
  expect(due).toBeLessThan(17 * hour);
});

test('a request is named by node, key and requester', () => {
  const key = createKey();
  expect(requestName('a', key, 'abcdef')).toBe(requestName('a', key, 'abcdef'));
  expect(requestName('a', key, 'abcdef')).not.toBe(requestName('a', key, 'ghijkl'));
  expect(requestName('a', key, 'abcdef')).not.toBe(requestName('a', createKey(), 'abcdef'));
  expect(requestName('a'.repeat(253), key, 'abcdef').length).toBeLessThanOrEqual(253);
});

test.each([
  [undefined, 'waiting'],
  [{}, 'waiting'],
  [{ conditions: [{ type: 'Approved', status: 'True' as const }] }, 'waiting'],
  [{ conditions: [{ type: 'Denied', status: 'True' as const }] }, 'denied'],
  [{ conditions: [{ type: 'Failed', status: 'True' as const }], certificate: 'eA==' }, 'denied'],
  [{ conditions: [{ type: 'Approved', status: 'True' as const }], certificate: 'eA==' }, 'issued'],
])('%o is %s', (status, kind) => {
  const request: CertificateSigningRequest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'r' },
    spec: { request: '', signerName: 'x/y' },
    ...(status ? { status } : {}),
  };
  expect(answerOf(request).kind).toBe(kind);
});
