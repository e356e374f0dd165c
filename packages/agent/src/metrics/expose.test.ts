import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ExposedMetrics, exposeMetrics } from './expose.ts';

let directory: string;
let socket: string;
let exposed: ExposedMetrics;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-expose-'));
  socket = join(directory, 'metrics.sock');
  exposed = await exposeMetrics({ socket, port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  await exposed[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function get(path: string, method = 'GET'): Promise<{ code: number; text: string; type: string | null }> {
  const response = await fetch(`http://127.0.0.1:${exposed.port}${path}`, { method });
  return { code: response.status, text: await response.text(), type: response.headers.get('content-type') };
}

async function agent(listener: RequestListener): Promise<AsyncDisposable & { server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(socket, done));
  return {
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

test('shows what the agent says', async () => {
  await using _agent = await agent((request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${request.url} 1\n`);
  });
  expect(await get('/metrics')).toEqual({ code: 200, text: '/metrics 1\n', type: 'text/plain; version=0.0.4' });
  expect(await get('/readyz')).toMatchObject({ code: 200, text: 'ok\n' });
});

test('without an agent it lives, and is not ready', async () => {
  expect((await get('/livez')).code).toBe(200);
  expect(await get('/readyz')).toMatchObject({ code: 503, text: expect.stringContaining('does not answer') });
  expect((await get('/metrics')).code).toBe(503);
});

test('an agent that comes back is found', async () => {
  expect((await get('/readyz')).code).toBe(503);
  await using _agent = await agent((_request, response) => void response.end('x'));
  expect((await get('/readyz')).code).toBe(200);
});

test('an agent that cannot measure is not ready', async () => {
  await using _agent = await agent((_request, response) => void response.writeHead(500).end());
  expect((await get('/readyz')).code).toBe(500);
});

test.each(['/metrics', '/readyz'])('an agent that dies in its answer to %s leaves nobody waiting', async (path) => {
  await using _agent = await agent((_request, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('x');
    setImmediate(() => response.destroy());
  });
  await expect(get(path)).rejects.toThrow();
});

test('nothing else of the socket can be reached', async () => {
  await using _agent = await agent((_request, response) => void response.end('secret'));
  for (const path of ['/', '/other', '/metrics/../other']) expect((await get(path)).text).not.toContain('secret');
  expect((await get('/metrics', 'POST')).text).not.toContain('secret');
});
