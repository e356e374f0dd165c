// Many connections at once, whatever TLS they speak, and the end of the server while some are at work.
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createCertificateAuthority, issueClientCertificate } from '@varve/kube';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, startTestClient } from '../test-client.ts';
import { holdManyWatches } from './many-watches.fixture.ts';

/** The long suite takes 10,000. */
const count = 300;
const client = await startTestClient();
const { call, server } = client;
const port = Number(new URL(server.url).port);

afterAll(() => client.close());

describe('connections', () => {
  test(`${count} at once, each with a watch, all see a change`, { timeout: 120_000 }, async ({ signal }) => {
    await holdManyWatches(client, count, signal);
  });

  test('that speak no TLS, or break off in the middle of it, harm nobody', async () => {
    const hello = Buffer.from('16030100ff010000fb0303', 'hex');
    const garbage = [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.alloc(5000, 0xff),
      Buffer.from('1503010002022f', 'hex'),
      hello,
      Buffer.concat([hello, Buffer.alloc(250, 7)]),
      Buffer.from('16030140', 'hex'),
      Buffer.alloc(0),
    ];
    for (const bytes of garbage) {
      const socket: Socket = connectTcp({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.end(bytes);
      socket.resume();
      await once(socket, 'close', { signal: AbortSignal.timeout(15_000) });
    }
    expect((await call('GET', '/readyz', { token: null })).code).toBe(200);
  });

  test('with a certificate that is over, or by a stranger of the same name, are refused', async () => {
    const admin = { commonName: 'admin', organizations: ['system:masters'] };
    const hour = 3_600_000;
    const over = await issueClientCertificate(server.authority, { ...admin, validity: 1 });
    const stranger = await createCertificateAuthority({ commonName: 'varve-test' });
    const forged = await issueClientCertificate(stranger, { ...admin, validity: hour });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    for (const [what, cert] of Object.entries({ over, forged })) {
      expect((await call('GET', '/api/v1/nodes', { cert })).code, what).toBe(401);
      expect((await call('POST', maps, { cert, body: configMap('evil') })).code, what).toBe(401);
    }
    expect((await call('GET', `${maps}/evil`)).code).toBe(404);
  });
});

describe('the end of the server', () => {
  test('ends watches, answers what is under way, and keeps what was answered', async () => {
    const other = await startTestClient();
    const socket = connectTls({
      port: Number(new URL(other.server.url).port),
      host: '127.0.0.1',
      ca: other.server.authority.certificate,
    });
    await once(socket, 'secureConnect');
    const body = JSON.stringify(configMap('late'));
    const head = `POST ${maps} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${other.server.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body.slice(0, 10));
    const watching = other.call('GET', `${maps}?watch=true`);
    const answered = text(socket);
    await untilInflight(other.call, 1);
    const closed = other.close();
    setTimeout(() => socket.write(body.slice(10)), 100);
    expect(await answered).toMatch(/^HTTP\/1.1 201 /);
    expect((await watching).code).toBe(200);
    await closed;
  });
});

async function text(socket: TLSSocket): Promise<string> {
  let all = '';
  for await (const chunk of socket.setEncoding('utf8')) all += chunk;
  return all;
}

/** The one that asks is a request under way, too. */
async function untilInflight(ask: typeof call, wanted: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { text: metrics } = await ask('GET', '/metrics');
    const found = /^apiserver_current_inflight_requests\{lane="people"\} (\d+)$/m.exec(metrics)?.[1];
    if (Number(found) === wanted + 1) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the request never came');
}
