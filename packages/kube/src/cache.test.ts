import type { KubeObject } from '@varve/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Change, ObjectCache } from './cache.ts';

function object(name: string, uid: number, version: number): KubeObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: String(uid), resourceVersion: String(version) } };
}

/** A world of objects that changes, and an observer that misses some of it. */
type Step =
  | { readonly do: 'put'; readonly name: string; readonly seen: boolean }
  | { readonly do: 'remove'; readonly name: string; readonly seen: boolean }
  | { readonly do: 'relist'; readonly name: string }
  | { readonly do: 'repeat'; readonly name: string };

const name = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), name, seen: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name, seen: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('relist' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), name }) },
);

class World {
  readonly objects = new Map<string, KubeObject>();
  readonly cache = new ObjectCache<KubeObject>();
  readonly changes: Change<KubeObject>[] = [];
  #version = 0;
  #uid = 0;

  perform(step: Step): void {
    const old = this.objects.get(step.name);
    if (step.do === 'relist') {
      this.relist();
    } else if (step.do === 'repeat') {
      const known = this.cache.get(step.name);
      if (known !== undefined) this.note(this.cache.apply({ type: 'MODIFIED', object: structuredClone(known) }), 0);
    } else if (step.do === 'remove') {
      if (old === undefined) return;
      this.objects.delete(step.name);
      this.#version += 1;
      if (step.seen) this.note(this.cache.apply({ type: 'DELETED', object: old }));
    } else {
      this.#version += 1;
      if (old === undefined) this.#uid += 1;
      const uid = old === undefined ? this.#uid : Number(old.metadata.uid);
      const next = object(step.name, uid, this.#version);
      this.objects.set(step.name, next);
      if (step.seen) this.note(this.cache.apply({ type: old === undefined ? 'ADDED' : 'MODIFIED', object: next }));
    }
  }

  relist(): void {
    // From the server each time, not the same objects again.
    this.note(this.cache.replace(structuredClone([...this.objects.values()])));
  }

  note(changes: Change<KubeObject>[], atMost = Number.POSITIVE_INFINITY): void {
    expect(changes.length).toBeLessThanOrEqual(atMost);
    this.changes.push(...changes);
  }
}

/** What a listener knows who only hears changes; every change must fit what it knew. */
function fold(changes: readonly Change<KubeObject>[]): Map<string, KubeObject> {
  const known = new Map<string, KubeObject>();
  for (const change of changes) {
    const before = known.get(change.key);
    if (change.type === 'added') expect(before).toBeUndefined();
    else expect(before?.metadata.uid).toBe(change.object.metadata.uid);
    if (change.type === 'updated') expect(change.old).toBe(before);
    if (change.type === 'deleted') known.delete(change.key);
    else known.set(change.key, change.object);
  }
  return known;
}

test('whatever is missed, a list makes the cache equal to the world, and the changes tell exactly that', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      for (const each of steps) {
        world.perform(each);
        expect(new Map(world.cache.list().map((known) => [known.metadata.name, known]))).toEqual(fold(world.changes));
      }
      world.relist();
      expect(fold(world.changes)).toEqual(world.objects);
      const told = world.changes.length;
      world.relist();
      expect(world.changes).toHaveLength(told);
    }),
    { numRuns: 1000 },
  );
});

test('an object that was deleted and made again between two lists is two changes', () => {
  const cache = new ObjectCache<KubeObject>();
  cache.replace([object('a', 1, 1)]);
  expect(cache.replace([object('a', 2, 5)]).map(({ type }) => type)).toEqual(['deleted', 'added']);
});

test('namespaces keep equal names apart', () => {
  const cache = new ObjectCache<KubeObject>();
  const inNamespace = (namespace: string) => ({ ...object('a', 1, 1), metadata: { name: 'a', namespace } });
  expect(cache.replace([inNamespace('x'), inNamespace('y')])).toHaveLength(2);
  expect(cache.get('x/a')?.metadata.namespace).toBe('x');
});
