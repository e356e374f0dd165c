import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Channel } from './channel.ts';
import { HelperConnection } from './connection.ts';

const { signal } = new AbortController();
let directory: string;
let server: Server;
let connections = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-connection-'));
  connections = 0;
  server = createServer((socket) => {
    connections += 1;
    void new Channel(socket, async (verb) => verb).run().catch(() => {});
  });
  // As the helper: one client at a time.
  server.maxConnections = 1;
  await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve));
});

afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

test('a connection that is made again at once is kept, and used by the calls after it', async () => {
  const connection = new HelperConnection(
    join(directory, 'socket'),
    async () => undefined,
    () => {},
  );
  for (let round = 1; round <= 20; round++) {
    expect(await connection.call('a', undefined, { signal })).toBe('a');
    connection[Symbol.dispose]();
    expect(await connection.call('b', undefined, { signal })).toBe('b');
    // The end of the former connection is noticed by now.
    await sleep(5);
    expect(await connection.call('c', undefined, { signal })).toBe('c');
    connection[Symbol.dispose]();
    await sleep(5);
  }
  expect(connections).toBe(40);
});
