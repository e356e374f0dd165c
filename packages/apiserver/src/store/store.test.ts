import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiObject } from '../object.ts';
import { badRequest } from '../status.ts';
import type { Change } from './change.ts';
import { Store, type StoreOptions } from './store.ts';

let directory: string;
let store: Store;

function open(options?: StoreOptions): Store {
  const opened = Store.open(join(directory, 'store.db'), options);
  opened.keepInMemory('leases');
  return opened;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-store-'));
  store = open();
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

const key = (name: string, resource = 'nodes', namespace = '') => ({ resource, namespace, name });
const object = (name: string, value = 0): ApiObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, value });
const put = (name: string, value = 0, resource = 'nodes') =>
  store.write((transaction) => transaction.put(key(name, resource), object(name, value)));
const names = (items: Iterable<{ object: ApiObject }> | undefined) =>
  [...(items ?? [])].map((item) => item.object.metadata.name);

describe('the store', () => {
  test('gives every write a larger revision, across kinds', async () => {
    const first = await put('a');
    const second = await put('b', 0, 'leases');
    const third = await put('a', 1);
    const revisions = [first, second, third].map((stored) => Number(stored.object.metadata.resourceVersion));
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(new Set(revisions).size).toBe(3);
    expect(store.revision).toBe(revisions[2]);
  });

  test('keeps durable objects, and their history, over a restart; never uses a revision twice', async () => {
    const before = await put('a', 1);
    await put('a', 2);
    const lease = await put('l', 0, 'leases');
    const revision = store.revision;
    store.close();
    store = open();
    expect(store.get(key('a'))?.object.value).toBe(2);
    expect(store.get(key('l', 'leases'))).toBeUndefined();
    const changes = store.changesAfter(Number(before.object.metadata.resourceVersion), { resource: 'nodes' });
    expect(changes?.map((change) => change.current.object.value)).toEqual([2]);
    expect(
      store.changesAfter(Number(lease.object.metadata.resourceVersion) - 1, { resource: 'leases' }),
    ).toBeUndefined();
    const next = await put('b');
    expect(Number(next.object.metadata.resourceVersion)).toBeGreaterThan(revision);
  });

  test('lets writes share a commit', async () => {
    const before = store.commits;
    await Promise.all(Array.from({ length: 200 }, (_, index) => put(`n${index}`)));
    expect(store.commits - before).toBeLessThan(20);
    expect(store.count({ resource: 'nodes' })).toBe(200);
  });

  test('takes back an operation that throws, and only that one', async () => {
    const results = await Promise.allSettled([
      put('a'),
      store.write((transaction) => {
        transaction.put(key('b'), object('b'));
        transaction.put(key('c', 'leases'), object('c'));
        transaction.put(key('a'), object('a', 9));
        throw badRequest('no');
      }),
      put('d'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(names(store.list({ resource: 'nodes' }))).toEqual(['a', 'd']);
    expect(store.get(key('a'))?.object.value).toBe(0);
    expect(store.get(key('c', 'leases'))).toBeUndefined();
    expect(names(store.changesAfter(0, { resource: 'nodes' })?.map(({ current }) => current))).toEqual(['a', 'd']);
  });

  test('lets operations of one batch see each other', async () => {
    const increment = () =>
      store.write((transaction) => {
        const value = transaction.get(key('n'))?.object.value;
        return transaction.put(key('n'), object('n', (typeof value === 'number' ? value : 0) + 1));
      });
    await Promise.all(Array.from({ length: 50 }, increment));
    expect(store.get(key('n'))?.object.value).toBe(50);
  });

  test('tells watchers after the commit, in order, by name and by namespace', async () => {
    const all: string[] = [];
    const one: string[] = [];
    const note = (to: string[]) => (change: Change) =>
      to.push(`${change.type} ${change.key.name} ${change.previous === undefined ? 'new' : 'old'}`);
    const stop = store.watch({ resource: 'nodes' }, note(all));
    const stopOne = store.watch({ resource: 'nodes', name: 'b' }, note(one));
    await Promise.all([put('a'), put('b'), put('b', 1)]);
    await store.write((transaction) => transaction.remove(key('b')));
    stop();
    stopOne();
    await put('a', 5);
    expect(all).toEqual(['put a new', 'put b new', 'put b old', 'remove b old']);
    expect(one).toEqual(['put b new', 'put b old', 'remove b old']);
  });

  test('lists the past', async () => {
    await put('a');
    await put('c');
    const revision = store.revision;
    await put('b');
    await put('c', 7);
    await store.write((transaction) => transaction.remove(key('a')));
    expect(names(store.list({ resource: 'nodes' }))).toEqual(['b', 'c']);
    const past = [...(store.listAt(revision, { resource: 'nodes' }) ?? [])];
    expect(past.map((item) => [item.object.metadata.name, item.object.value])).toEqual([
      ['a', 0],
      ['c', 0],
    ]);
    expect(names(store.listAt(revision, { resource: 'nodes' }, { namespace: '', name: 'a' }))).toEqual(['c']);
  });

  test('lists long collections in order, over all namespaces or one', async () => {
    await store.write((transaction) => {
      for (let index = 0; index < 1200; index++) {
        const name = `n${String(index).padStart(5, '0')}`;
        transaction.put({ resource: 'secrets', namespace: index % 2 === 0 ? 'x' : 'a', name }, object(name));
      }
    });
    const all = names(store.list({ resource: 'secrets' }));
    expect(all).toHaveLength(1200);
    expect(all.slice(0, 2)).toEqual(['n00001', 'n00003']);
    expect(names(store.list({ resource: 'secrets', namespace: 'x' }, { namespace: 'x', name: 'n01190' }))).toEqual([
      'n01192',
      'n01194',
      'n01196',
      'n01198',
    ]);
    expect(store.count({ resource: 'secrets', namespace: 'a' })).toBe(600);
  });

  test('forgets history beyond its bound, also on the disk', async () => {
    store.close();
    store = open({ history: { changes: 10, bytes: 1_000_000 } });
    const first = store.revision;
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 1000 }, (_, index) => put('a', index)));
    }
    expect(store.changesAfter(first, { resource: 'nodes' })).toBeUndefined();
    expect(store.changesAfter(store.revision - 5, { resource: 'nodes' })).toHaveLength(5);
    expect(store.listAt(first, { resource: 'nodes' })).toBeUndefined();
    store.close();
    store = open({ history: { changes: 10, bytes: 1_000_000 } });
    expect(store.changesAfter(first, { resource: 'nodes' })).toBeUndefined();
  });

  test('bounds kinds in memory: the one written longest ago goes, with a change', async () => {
    store.close();
    store = open({ memoryLimit: 3 });
    for (const name of ['a', 'b', 'c']) await put(name, 0, 'leases');
    await put('a', 1, 'leases');
    const removed: string[] = [];
    store.watch({ resource: 'leases' }, (change) => {
      if (change.type === 'remove') removed.push(change.key.name);
    });
    await put('d', 0, 'leases');
    expect(removed).toEqual(['b']);
    expect(names(store.list({ resource: 'leases' }))).toEqual(['a', 'c', 'd']);
  });

  test('is opened by one process at a time', () => {
    expect(() => Store.open(join(directory, 'store.db'))).toThrow(expect.objectContaining({ code: 'STORE_LOCKED' }));
  });

  test('refuses a file that is none', () => {
    const path = join(directory, 'junk.db');
    writeFileSync(path, 'this is not a database, and long enough to be read as one'.repeat(100));
    expect(() => Store.open(path)).toThrow(expect.objectContaining({ code: 'STORE_DAMAGED' }));
    expect(() => Store.open(join(directory, 'no/such/dir.db'))).toThrow(
      expect.objectContaining({ code: 'STORE_UNUSABLE' }),
    );
  });

  test('refuses writes after it was closed', async () => {
    store.close();
    await expect(put('a')).rejects.toMatchObject({ code: 503 });
  });
});
