// A full disk: writes fail with a reason, nothing that was acknowledged is lost, nothing that failed is there, and
// the store goes on when there is room again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { configMap, maps, startTestClient } from '../test-client.ts';
import { Store } from './store.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-full-'));
  await spawn('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]);
});

afterAll(async () => {
  await spawn('umount', [directory]);
  await rm(directory, { recursive: true, force: true });
});

test('a full disk fails writes and breaks nothing', async () => {
  const path = join(directory, 'store.db');
  let store = Store.open(path);
  store.keepInMemory('leases');
  const put = (resource: string, name: string, size: number) =>
    store.write((transaction) =>
      transaction.put(
        { resource, namespace: 'default', name },
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { pad: 'x'.repeat(size) } },
      ),
    );
  const published: string[] = [];
  store.watch({ resource: 'configmaps' }, (change) => published.push(change.key.name));

  const acknowledged: string[] = [];
  const failures: unknown[] = [];
  for (let round = 0; round < 60 && failures.length < 5; round++) {
    const names = [0, 1, 2].map((lane) => `r${round}-${lane}`);
    const results = await Promise.allSettled([
      ...names.map((name) => put('configmaps', name, 50_000)),
      put('leases', 'l', 10),
    ]);
    for (const [index, result] of results.entries()) {
      const name = names[index];
      if (result.status === 'rejected') failures.push(result.reason);
      else if (name !== undefined) acknowledged.push(name);
    }
  }
  expect(failures[0]).toMatchObject({ code: 500, message: expect.stringMatching(/not stored: .*full/) });
  expect(acknowledged.length).toBeGreaterThan(3);
  expect(published).toEqual(acknowledged);
  const stored = () => [...store.list({ resource: 'configmaps' })].map(({ object }) => object.metadata.name).sort();
  expect(stored()).toEqual(acknowledged.toSorted());

  await spawn('mount', ['-o', 'remount,size=64m', directory]);
  const again = await put('configmaps', 'again', 50_000);
  acknowledged.push('again');
  expect(Number(again.object.metadata.resourceVersion)).toBe(store.revision);
  store.close();
  store = Store.open(path);
  expect(stored()).toEqual(acknowledged.toSorted());
  store.close();
});

test('a server on a full disk says why it refuses, answers reads, and goes on with its watches', async () => {
  await spawn('mount', ['-o', 'remount,size=6m', directory]);
  vi.stubEnv('TMPDIR', directory);
  const client = await startTestClient();
  vi.unstubAllEnvs();
  try {
    const { call, watchEvents } = client;
    const put = (name: string) => call('POST', maps, { body: configMap(name, { pad: 'x'.repeat(100_000) }) });
    let refused = await put('m0');
    for (let index = 1; index < 200 && refused.code === 201; index++) refused = await put(`m${index}`);
    expect(refused).toMatchObject({
      code: 500,
      body: { reason: 'InternalError', message: expect.stringMatching(/not stored: .*full/) },
    });
    expect((await call('GET', `${maps}/m0`)).code).toBe(200);
    expect((await call('GET', `${maps}?limit=1`)).code).toBe(200);
    // Leases are in memory: heartbeats go on, and so do those who watch them.
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'alive' }, spec: {} };
    const events = await watchEvents(`${leases}?watch=true`, 1, async () => {
      expect((await call('POST', leases, { body: lease })).code).toBe(201);
    });
    expect(events).toMatchObject([{ type: 'ADDED', object: { metadata: { name: 'alive' } } }]);
    const waiting = watchEvents(`${maps}?watch=true&fieldSelector=metadata.name%3Dagain`, 1);
    await spawn('mount', ['-o', 'remount,size=64m', directory]);
    expect((await put('again')).code).toBe(201);
    expect(await waiting).toMatchObject([{ type: 'ADDED', object: { metadata: { name: 'again' } } }]);
  } finally {
    await client.close();
  }
});
