// The same signatures by OpenSSL: what it signs opens here, what is sealed here it verifies.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEnvelope, preAuthenticationEncoding, sealEnvelope } from './dsse.ts';

const type = 'application/vnd.varve.target.v1+json';
const payload = Buffer.from('{"host":"a"}');
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-dsse-'));
  await openssl('genpkey', '-algorithm', 'ed25519', '-out', 'key.pem');
  await openssl('pkey', '-in', 'key.pem', '-pubout', '-out', 'public.pem');
  await writeFile(join(directory, 'pae'), preAuthenticationEncoding(type, payload));
});
afterAll(async () => await rm(directory, { recursive: true, force: true }));

async function openssl(...args: string[]): Promise<string> {
  return (await spawn('openssl', args, { cwd: directory })).stdout;
}

test('OpenSSL signs, the envelope opens', async () => {
  await openssl('pkeyutl', '-sign', '-inkey', 'key.pem', '-rawin', '-in', 'pae', '-out', 'signature');
  const sig = (await readFile(join(directory, 'signature'))).toString('base64');
  const envelope = JSON.stringify({
    payloadType: type,
    payload: payload.toString('base64'),
    signatures: [{ sig }],
  });
  const key = createPublicKey(await readFile(join(directory, 'public.pem')));
  expect(openEnvelope(envelope, type, [key])).toMatchObject({ payload });
});

test('the envelope is sealed, OpenSSL verifies', async () => {
  const key = createPrivateKey(await readFile(join(directory, 'key.pem')));
  const { signatures } = JSON.parse(sealEnvelope(type, payload, key));
  await writeFile(join(directory, 'sealed'), Buffer.from(signatures[0].sig, 'base64'));
  const verify = ['pkeyutl', '-verify', '-pubin', '-inkey', 'public.pem', '-rawin', '-in', 'pae', '-sigfile', 'sealed'];
  expect(await openssl(...verify)).toContain('Verified Successfully');
});
