import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitUntil } from '../fixtures/host.ts';
import { nobody } from '../fixtures/nobody.ts';
import { listen } from './listen.ts';

let directory: string;
let path: string;
const servers: Server[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-listen-'));
  path = join(directory, 'helper.sock');
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(directory, { recursive: true, force: true });
});

async function start(group: number | undefined): Promise<void> {
  servers.push(await listen((socket) => socket.end('hello'), { path, group }));
}

test('the socket is for root and one group', async () => {
  const before = process.umask();
  await start(nobody);
  expect(await stat(path)).toMatchObject({ uid: 0, gid: nobody });
  expect((await stat(path)).mode & 0o777).toBe(0o660);
  expect(process.umask()).toBe(before);
});

test('without a group it is for root alone', async () => {
  await start(undefined);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('what a killed helper left is taken over, and another file is not', async () => {
  await start(undefined);
  await start(undefined);
  expect(await text(connect(path))).toBe('hello');
  for (const server of servers.splice(0)) server.close();
  await rm(path, { force: true });
  await writeFile(path, 'precious');
  await expect(start(undefined)).rejects.toThrow('is no socket');
});

test('systemd hands its socket over', async () => {
  const script = fileURLToPath(new URL('../fixtures/activated.ts', import.meta.url));
  const child = spawn('systemd-socket-activate', ['--listen', path, process.execPath, script], { stdio: 'ignore' });
  try {
    // It is bound before it listens.
    let answer = '';
    await waitUntil(async () => {
      answer = await text(connect(path));
      return true;
    });
    expect(answer).toBe('activated');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
