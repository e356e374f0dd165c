// Very many connections at once, each with a watch of one object. Their other ends are in a process of their own: both
// ends in one would need twice the file descriptors that one process may have.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { issueClientCertificate } from '@varve/kube';
import { expect } from 'vitest';
import { configMap, maps, type TestClient } from '../test-client.ts';
import type { Order } from './many-watches-client.fixture.ts';

/** All are open together and hear of one change; meanwhile an administrator is answered as ever. */
export async function holdManyWatches({ server, call }: TestClient, count: number, signal: AbortSignal): Promise<void> {
  const order: Order = {
    port: Number(new URL(server.url).port),
    ca: server.authority.certificate,
    token: server.token,
    path: `${maps}?watch=true&fieldSelector=metadata.name%3Dnews`,
    text: '"name":"news"',
    count,
  };
  const module = new URL('./many-watches-client.fixture.ts', import.meta.url);
  const clients = fork(module, { execArgv: ['--disable-warning=ExperimentalWarning'], signal, killSignal: 'SIGKILL' });
  clients.on('error', () => {});
  try {
    clients.send(order);
    await message(clients, 'begun');
    expect((await call('GET', '/metrics')).text).toContain(`apiserver_longrunning_requests ${count}\n`);
    const administrator = { commonName: 'admin', organizations: ['system:masters'] };
    const cert = await issueClientCertificate(server.authority, administrator);
    expect((await call('GET', '/readyz', { cert })).text).toBe('ok');
    expect((await call('GET', '/api/v1/nodes', { cert })).code).toBe(200);
    expect((await call('POST', maps, { cert, body: configMap('news') })).code).toBe(201);
    await message(clients, 'told');
  } finally {
    clients.kill('SIGKILL');
  }
  await expect
    .poll(async () => (await call('GET', '/metrics')).text, { timeout: 120_000 })
    .toContain('apiserver_longrunning_requests 0\n');
}

async function message(child: ChildProcess, wanted: string): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the clients ended before they were ${wanted}: exit code ${String(code)}`);
  });
  const told = once(child, 'message').then(([text]) => expect(text).toBe(wanted));
  ended.catch(() => {});
  await Promise.race([told, ended]);
}
