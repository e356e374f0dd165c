// With an emulated TPM (swtpm); skipped where it is not installed.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, createKey, issueClientCertificate } from '@varve/kube';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { waitUntil } from '../fixtures/host.ts';
import { readIdentity, writeCredential, writeServer } from './identity.ts';
import { hasTpm, isSealed, sealKey, unsealKey } from './tpm.ts';

const installed = await spawn('swtpm', ['--version']).then(
  () => true,
  () => false,
);
if (!installed) process.stderr.write('swtpm is not installed: the tests of keys in a TPM are skipped\n');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-swtpm-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

/** Starts a TPM of its own, which the tools use from then on. */
async function startTpm(name: string): Promise<AsyncDisposable> {
  const path = join(directory, name);
  await spawn('mkdir', [path]);
  const socket = join(path, 'socket');
  const args = ['socket', '--tpm2', '--tpmstate', `dir=${path}`, '--flags', 'not-need-init,startup-clear'];
  const sockets = ['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`];
  await spawn('swtpm', [...args, ...sockets, '--daemon', '--pid', `file=${path}/pid`], { stdio: 'ignore' });
  vi.stubEnv('TPM2TOOLS_TCTI', `swtpm:path=${socket}`);
  return {
    async [Symbol.asyncDispose]() {
      const pid = await readFile(join(path, 'pid'), 'utf8');
      process.kill(Number(pid));
      // Until then it writes into the directory.
      await waitUntil(async () => !existsSync(`/proc/${pid.trim()}`));
    },
  };
}

test('a machine without a TPM has none', async () => {
  expect(await hasTpm({})).toBe(false);
});

describe.runIf(installed)('on a machine with a TPM', () => {
  test('a key is sealed, again and again, and opened; what is on the disk does not hold it', async () => {
    await using _tpm = await startTpm('one');
    expect(await hasTpm()).toBe(true);
    for (let round = 0; round < 4; round += 1) {
      const key = createKey();
      const sealed = await sealKey(key);
      expect(isSealed(sealed)).toBe(true);
      expect(isSealed(key)).toBe(false);
      expect(Buffer.from(sealed.replaceAll(/-----.*-----|\s/g, ''), 'base64').toString()).not.toContain('PRIVATE KEY');
      expect(await unsealKey(sealed)).toBe(key);
    }
  });

  test('on another machine, or damaged, it stays closed, and says what to do', async () => {
    let sealed: string;
    {
      await using _tpm = await startTpm('one');
      sealed = await sealKey(createKey());
      const damaged = sealed.replace(/\n./, '\n!');
      await expect(unsealKey(damaged)).rejects.toMatchObject({ code: 'TPM_FAILED' });
    }
    await using _other = await startTpm('two');
    const error = await unsealKey(sealed).catch((cause) => cause);
    expect(error).toMatchObject({ code: 'TPM_FAILED', message: expect.stringContaining('varve node join') });
  });

  test('an identity is kept sealed, and is read as it was', async () => {
    await using _tpm = await startTpm('one');
    const authority = await createCertificateAuthority({ commonName: 'test' });
    const options = { commonName: 'system:node:a', organizations: ['system:nodes'], validity: 60_000 };
    const { certificate, key } = await issueClientCertificate(authority, options);
    const identity = join(directory, 'identity');
    await writeServer(identity, { server: 'https://a:1', nodeName: 'a' });
    await writeCredential(identity, { cert: certificate, key });
    const stored = await readFile(join(identity, 'client.pem'), 'utf8');
    expect(stored).not.toContain('BEGIN PRIVATE KEY');
    expect((await readIdentity(identity))?.key.trim()).toBe(key.trim());
  });
});
