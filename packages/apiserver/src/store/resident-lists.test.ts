import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ApiObject } from '../object.ts';
import { badRequest } from '../status.ts';
import { Stored } from './change.ts';
import { compareKeys } from './memory-table.ts';
import { ResidentLists } from './resident-lists.ts';
import { Store } from './store.ts';

const place = {
  resource: fc.constantFrom('secrets', 'configmaps'),
  namespace: fc.constantFrom('x', 'y'),
  name: fc.constantFrom('a', 'b', 'c', 'd'),
};
const key = fc.record(place);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key, size: fc.integer({ min: 0, max: 300 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'fail' as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('list' as const), resource: place.resource }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('page' as const, 'namespace' as const, 'first' as const), key }),
  },
);

test('a store lists the same from memory as from the disk, whatever is written, listed and dropped', async () => {
  // Less than all objects of both kinds need, more than those of one mostly.
  const options = { residentBytes: 2000 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const directory = mkdtempSync(join(tmpdir(), 'varve-resident-'));
      const store = Store.open(join(directory, 'store.db'), options);
      try {
        const model = new Map<string, { namespace: string; name: string; text: string }>();
        const expected = (resource: string, namespace?: string, after?: { namespace: string; name: string }) =>
          [...model]
            .filter(([id]) => id.startsWith(`${resource}/`))
            .map(([, entry]) => entry)
            .filter((entry) => namespace === undefined || entry.namespace === namespace)
            .filter((entry) => after === undefined || compareKeys(entry, after) > 0)
            .sort(compareKeys)
            .map(({ text }) => text);
        const textsOf = (items: Iterable<Stored>) => [...items].map(({ text }) => text);
        for (const each of steps) {
          if (each.do === 'list') {
            const { resource } = each;
            expect(textsOf(store.list({ resource }))).toEqual(expected(resource));
            continue;
          }
          const { resource, namespace, name } = each.key;
          const id = `${resource}/${namespace}/${name}`;
          const object: ApiObject = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name } };
          if (each.do === 'put') {
            const padded = { ...object, padding: 'x'.repeat(each.size) };
            const { text } = await store.write((transaction) => transaction.put(each.key, padded));
            model.set(id, { namespace, name, text });
          } else if (each.do === 'remove') {
            await store.write((transaction) => transaction.remove(each.key));
            model.delete(id);
          } else if (each.do === 'fail') {
            const refused = store.write((transaction) => {
              transaction.put(each.key, object);
              throw badRequest('no');
            });
            await expect(refused).rejects.toMatchObject({ code: 400 });
          } else if (each.do === 'page') {
            const after = { namespace, name };
            expect(textsOf(store.list({ resource }, after))).toEqual(expected(resource, undefined, after));
            expect(textsOf(store.list({ resource, namespace }, after))).toEqual(expected(resource, namespace, after));
          } else if (each.do === 'namespace') {
            expect(textsOf(store.list({ resource, namespace }))).toEqual(expected(resource, namespace));
          } else {
            // A reader that stops early has not seen everything.
            const [first] = store.list({ resource });
            expect(first?.text).toBe(expected(resource)[0]);
          }
        }
      } finally {
        store.close();
        rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: 150 },
  );
});

test('an operation lists what others of its batch wrote, and nothing stays of what was taken back', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-resident-'));
  const store = Store.open(join(directory, 'store.db'));
  try {
    const resource = 'secrets';
    const at = (name: string) => ({ resource, namespace: 'x', name });
    const secret = (name: string, value: number): ApiObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'x', name },
      value,
    });
    const listed = () => [...store.list({ resource })].map(({ object }) => [object.metadata.name, object.value]);
    for (const isResident of [false, true]) {
      await store.write((transaction) => transaction.put(at('a'), secret('a', 1)));
      if (isResident) expect(listed()).toEqual([['a', 1]]);
      const [, seen] = await Promise.all([
        store.write((transaction) => transaction.put(at('a'), secret('a', 2))),
        store.write(listed),
      ]);
      expect(seen).toEqual([['a', 2]]);
      const refused = store.write((transaction) => {
        transaction.put(at('phantom'), secret('phantom', 1));
        expect(listed()).toHaveLength(2);
        throw badRequest('no');
      });
      await expect(refused).rejects.toMatchObject({ code: 400 });
      expect(listed()).toEqual([['a', 2]]);
    }
    await store.write((transaction) => transaction.put(at('b'), secret('b', 1)));
    // Begun before the first write of the batch, and read to its end after it.
    const fresh = Store.open(join(directory, 'fresh.db'));
    try {
      await fresh.write((transaction) => transaction.put(at('a'), secret('a', 1)));
      const refused = fresh.write((transaction) => {
        for (const { object } of fresh.list({ resource })) transaction.put(at('a'), { ...object, value: 3 });
        throw badRequest('no');
      });
      await expect(refused).rejects.toMatchObject({ code: 400 });
      expect([...fresh.list({ resource })].map(({ object }) => object.value)).toEqual([1]);
    } finally {
      fresh.close();
    }
  } finally {
    store.close();
    rmSync(directory, { recursive: true });
  }
});

function row(name: string, size: number) {
  return { namespace: '', name, stored: Stored.fromText(JSON.stringify('x'.repeat(size - 2))) };
}

test('collections that were listed long ago make room for others, and one that is too large does not stay', () => {
  const lists = new ResidentLists(100);
  const isHere = (resource: string) => lists.list(resource, undefined, undefined) !== undefined;
  const keep = (resource: string, ...sizes: number[]) => [
    ...lists.keep(
      resource,
      sizes.map((size, index) => row(`n${index}`, size)),
    ),
  ];
  expect(keep('a', 20, 20)).toHaveLength(2);
  keep('b', 40);
  expect(isHere('a')).toBe(true);
  keep('c', 40);
  expect(['a', 'b', 'c'].map(isHere)).toEqual([true, false, true]);
  expect(keep('d', 60, 60)).toHaveLength(2);
  expect(['a', 'c', 'd'].map(isHere)).toEqual([true, true, false]);
  const current = row('n1', 50).stored;
  lists.follow({
    revision: 1,
    key: { resource: 'c', namespace: '', name: 'n1' },
    type: 'put',
    current,
    previous: undefined,
  });
  expect(['a', 'c'].map(isHere)).toEqual([false, true]);
});
