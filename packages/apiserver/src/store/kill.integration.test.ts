// kill -9 of a process that writes: every write that it acknowledged is there afterwards, whole, and in order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Store } from './store.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-kill-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Writes without end, 20 at a time; prints `name revision` after each acknowledgement. */
const writer = `
  import { writeSync } from 'node:fs';
  const [, module, path, round] = process.argv;
  const { Store } = await import(module);
  const store = Store.open(path);
  let count = 0;
  async function work(lane) {
    for (;;) {
      const name = 'r' + round + '-' + lane + '-' + count++;
      const metadata = { name };
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { pad: 'x'.repeat(count % 5000) } };
      const stored = await store.write((t) => t.put({ resource: 'configmaps', namespace: 'default', name }, object));
      writeSync(1, name + ' ' + stored.object.metadata.resourceVersion + '\\n');
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, lane) => work(lane)));
`;

test('every acknowledged write survives kill -9, at any moment', async () => {
  const path = join(directory, 'store.db');
  const acknowledged = new Map<string, string>();
  for (let round = 0; round < 8; round++) {
    const target = 20 + Math.floor(Math.random() * 300);
    for (const [name, revision] of await writeUntilKilled(path, round, target)) acknowledged.set(name, revision);
    using store = Store.open(path);
    let highest = 0;
    for (const { object } of store.list({ resource: 'configmaps' })) {
      highest = Math.max(highest, Number(object.metadata.resourceVersion));
    }
    expect(store.revision).toBeGreaterThanOrEqual(highest);
    for (const [name, revision] of acknowledged) {
      const stored = store.get({ resource: 'configmaps', namespace: 'default', name });
      expect(stored?.object.metadata.resourceVersion, name).toBe(revision);
    }
  }
  expect(acknowledged.size).toBeGreaterThan(160);
  expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
});

async function writeUntilKilled(path: string, round: number, target: number): Promise<Map<string, string>> {
  const acknowledged = new Map<string, string>();
  const module = new URL('./store.ts', import.meta.url).href;
  const args = ['--input-type=module', '-e', writer, module, path, String(round)];
  const child = spawn(process.execPath, args, { signal: AbortSignal.timeout(60_000) });
  try {
    for await (const line of child.stdout) {
      const [name = '', revision] = line.split(' ');
      // A line that was cut off by the kill acknowledges nothing.
      if (revision !== undefined && revision !== '') acknowledged.set(name, revision);
      if (acknowledged.size === target) (await child.nodeChildProcess).kill('SIGKILL');
    }
    await child;
  } catch (error) {
    if (!(error instanceof SubprocessError) || error.signalName !== 'SIGKILL') throw error;
  }
  return acknowledged;
}
