import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCertificateAuthority, issueClientCertificate, KubeClient } from '@varve/kube';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { CertificateServer } from '../faults/certificate-server.ts';
import { connectionOf, readIdentity, writeCredential, writeServer } from './identity.ts';
import { renewWhenDue } from './renew.ts';

async function credential(validity: number) {
  const authority = await createCertificateAuthority({ commonName: 'test' });
  const options = { commonName: 'system:node:a', organizations: ['system:nodes'], validity };
  const { certificate, key } = await issueClientCertificate(authority, options);
  return { cert: certificate, key };
}

test('a host whose certificate expired while it was off says so once, and goes on when it is joined again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-renew-'));
  const stop = new AbortController();
  const lines: { level: number; code?: string; msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  // Port 9 is "discard": nothing listens there.
  await using client = new KubeClient({ server: 'https://127.0.0.1:9' });
  try {
    await writeServer(directory, { server: 'https://127.0.0.1:9', nodeName: 'a' });
    await writeCredential(directory, await credential(1000));
    const identity = await readIdentity(directory);
    if (!identity) throw new Error('the identity is gone');
    await sleep(2000);
    const renewed = renewWhenDue(directory, identity, client, logger, stop.signal);
    while (lines.length < 2) await sleep(20);
    const told = lines.filter(({ code }) => code === 'IDENTITY_EXPIRED');
    expect(told).toHaveLength(1);
    expect(told[0]?.msg).toContain('varve node join');
    await writeCredential(directory, await credential(60_000));
    await renewed;
    expect(lines.filter(({ code }) => code === 'IDENTITY_EXPIRED')).toHaveLength(1);
  } finally {
    stop.abort();
    await rm(directory, { recursive: true });
  }
});

test('a host whose clock is years ahead asks for one certificate, and says why it waits for the next', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-renew-'));
  const stop = new AbortController();
  const told = Promise.withResolvers<string>();
  const logger = pino({ level: 'warn' }, { write: (line: string) => told.resolve(line) });
  await using server = await CertificateServer.start();
  // As seen by a clock that is ahead: it has passed two thirds of its life when it arrives.
  server.validity = 1_000;
  try {
    await writeServer(directory, { server: server.url, nodeName: 'a', ca: server.authority.certificate });
    await writeCredential(directory, await credential(60_000));
    const identity = await readIdentity(directory);
    if (!identity) throw new Error('the identity is gone');
    await using client = new KubeClient(connectionOf(identity));
    const renewed = renewWhenDue(directory, identity, client, logger, stop.signal);
    expect(await told.promise).toContain("set this host's clock");
    stop.abort();
    await expect(renewed).rejects.toMatchObject({ name: 'AbortError' });
    expect(server.issued).toBe(1);
  } finally {
    stop.abort();
    await rm(directory, { recursive: true });
  }
});
