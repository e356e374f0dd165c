// Many connections at once, whatever TLS they speak, and the end of the server while some are at work.
// VARVE_CONNECTIONS says how many (300 unless given; 10000 takes minutes and needs `ulimit -n`).
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { createCertificateAuthority, issueClientCertificate } from '@varve/kube';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, startTestClient } from '../test-client.ts';

const count = Number(process.env.VARVE_CONNECTIONS ?? 300);
const client = await startTestClient();
const { call, server } = client;
const port = Number(new URL(server.url).port);

afterAll(() => client.close());

function connect(): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connectTls({ port, host: '127.0.0.1', ca: server.authority.certificate });
  socket.once('secureConnect', () => resolve(socket));
  socket.once('error', reject);
  return promise;
}

describe('connections', () => {
  test(`${count} at once, each with a watch, all see a change`, { timeout: 60_000 + count * 100 }, async () => {
    const sockets: TLSSocket[] = [];
    // Handshakes are the work of one thread: a few at a time, so that none runs into the client's own bound.
    for (let index = 0; index < count; index += 50) {
      sockets.push(...(await Promise.all(Array.from({ length: Math.min(50, count - index) }, connect))));
    }
    const path = `${maps}?watch=true&fieldSelector=metadata.name%3Dnews`;
    const heard = sockets.map((socket) => hears(socket, '"name":"news"'));
    for (const socket of sockets) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token}\r\n\r\n`);
    }
    await Promise.all(heard.map(({ begun }) => begun));
    expect((await call('GET', '/metrics')).text).toContain(`apiserver_longrunning_requests ${count}\n`);
    expect((await call('POST', maps, { body: configMap('news') })).code).toBe(201);
    await Promise.all(heard.map(({ told }) => told));
    for (const socket of sockets) socket.destroy();
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

interface Hearing {
  /** The headers are there. */
  readonly begun: Promise<void>;
  readonly told: Promise<void>;
}

function hears(socket: TLSSocket, text: string): Hearing {
  const begun = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let heard = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    heard += chunk;
    if (heard.includes('\r\n\r\n')) begun.resolve();
    if (heard.includes(text)) told.resolve();
  });
  socket.on('close', () => {
    begun.reject(new Error('closed before the headers'));
    told.reject(new Error('closed before the news'));
  });
  told.promise.catch(() => {});
  return { begun: begun.promise, told: told.promise };
}

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
