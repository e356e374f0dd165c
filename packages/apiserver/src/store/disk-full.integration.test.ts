// A full disk: writes fail with a reason, nothing that was acknowledged is lost, nothing that failed is there, and
// the store goes on when there is room again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
