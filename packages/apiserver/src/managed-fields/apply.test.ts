// Laws of server-side apply, over random configurations of several managers.
import { resources } from '@varve/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ApiObject, isApiObject, type JsonObject } from '../object.ts';
import { Resources, type ServedResource } from '../resources.ts';
import { StatusError } from '../status.ts';
import { apply } from './apply.ts';
import { compare } from './compare.ts';
import { intersection, isEmptySet, union } from './field-set.ts';
import { storedManagers } from './managers.ts';
import { trackUpdate } from './track.ts';

const nodes = served('v1', 'nodes');
const now = new Date('2026-01-01T00:00:00Z');
const later = new Date('2026-01-01T00:01:00Z');

function served(version: string, plural: string): ServedResource {
  const resource = new Resources(resources).find('', version, plural);
  if (resource === undefined) throw new Error(`${plural} are not served`);
  return resource;
}

const word = fc.constantFrom('a', 'b', 'c');
const labels = fc.dictionary(word, word, { maxKeys: 3 });
const metadata = fc.record(
  {
    labels,
    finalizers: fc.uniqueArray(word.map((name) => `x.dev/${name}`)),
    ownerReferences: fc.uniqueArray(fc.record({ uid: word, name: word, kind: word, apiVersion: fc.constant('v1') }), {
      selector: ({ uid }) => uid,
    }),
  },
  { requiredKeys: [] },
);
const taint = fc.record({ key: word, effect: fc.constantFrom('NoSchedule', 'NoExecute') });
const spec = fc.record(
  { unschedulable: fc.boolean(), providerID: word, taints: fc.array(taint, { maxLength: 2 }) },
  { requiredKeys: [] },
);
const config: fc.Arbitrary<JsonObject> = fc
  .record({ metadata, spec }, { requiredKeys: ['metadata'] })
  .map(({ metadata: meta, spec: wanted = {} }) => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', ...filled(meta) } };
    return Object.keys(filled(wanted)).length === 0 ? node : { ...node, spec: filled(wanted) };
  });

/** Without empty values: who owns those and nothing in them loses them to whoever fills and empties them. */
function filled(value: object): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([, child]) => typeof child !== 'object' || Object.keys(child).length > 0),
  );
}

function applied(live: ApiObject | undefined, manager: string, wanted: JsonObject, force = false): ApiObject {
  const application = { config: wanted, writer: { manager, subresource: '', now }, force };
  const { object, managedFields } = apply(live, application, nodes);
  return withManagers(object, managedFields);
}

function withManagers(object: JsonObject, managedFields: unknown): ApiObject {
  const { managedFields: _, ...meta } = Object.assign({ managedFields: undefined }, object.metadata);
  const result = { ...object, metadata: managedFields === undefined ? meta : { ...meta, managedFields } };
  if (!isApiObject(result)) throw new Error('not an object');
  return result;
}

function contentOf(object: ApiObject): ApiObject {
  return withManagers(object, undefined);
}

function tryApplied(live: ApiObject, manager: string, wanted: JsonObject): ApiObject | undefined {
  try {
    return applied(live, manager, wanted);
  } catch (error) {
    if (error instanceof StatusError && error.code === 409) return undefined;
    throw error;
  }
}

/** An applier who changes nothing has no time yet; which one that is does depend on the order. */
function timeless(object: ApiObject | undefined): ApiObject | undefined {
  if (object === undefined) return undefined;
  const entries = (object.metadata.managedFields ?? []).map(({ time: _, ...entry }) => entry);
  return withManagers(object, entries);
}

/** The object as a set: the order of list items is not part of it. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => JSON.stringify(unordered(item))).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, unordered(child)]));
}

describe('applying', () => {
  test('twice is the same as once, time included', () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const once = applied(applied(undefined, 'a', first), 'b', second, true);
        const application = { config: second, writer: { manager: 'b', subresource: '', now: later }, force: false };
        const again = apply(once, application, nodes);
        expect(withManagers(again.object, again.managedFields)).toEqual(once);
      }),
    );
  });

  test('conflicts in one order when it does in the other, and gives the same when it does not', () => {
    fc.assert(
      fc.property(config, config, (a, b) => {
        const there = tryApplied(applied(undefined, 'a', a), 'b', b);
        const back = tryApplied(applied(undefined, 'b', b), 'a', a);
        expect(there === undefined).toBe(back === undefined);
        expect(unordered(timeless(there))).toEqual(unordered(timeless(back)));
      }),
    );
  });

  test('by force gives every value that was wanted, and each field of it to nobody else whose it was not', () => {
    fc.assert(
      fc.property(config, config, config, (a, b, wanted) => {
        const live = applied(applied(undefined, 'a', a), 'b', b, true);
        const forced = applied(live, 'c', wanted, true);
        expect(contentOf(applied(forced, 'd', wanted))).toEqual(contentOf(forced));
        const { added, modified } = compare(contentOf(live), contentOf(forced), nodes.wholeSchema);
        for (const { name, fields } of storedManagers(forced.metadata.managedFields, 'v1').values()) {
          if (name !== 'c') expect(isEmptySet(intersection(fields, union(added, modified)))).toBe(true);
        }
      }),
    );
  });

  test('nothing takes back all that was applied, and nothing else', () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const live = applied(undefined, 'a', first);
        const both = tryApplied(live, 'b', second);
        fc.pre(both !== undefined);
        const back = applied(both, 'b', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
        expect(unordered(back)).toEqual(unordered(live));
      }),
    );
  });
});

describe('updating', () => {
  test('gives the writer what changed, and takes it from everyone else', () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const live = applied(undefined, 'a', first);
        fc.pre(live.metadata.managedFields !== undefined);
        if (!isApiObject(second)) throw new Error('not an object');
        const managedFields = trackUpdate(live, second, undefined, nodes, { manager: 'b', subresource: '', now });
        const { added, modified, removed } = compare(live, second, nodes.wholeSchema);
        for (const manager of storedManagers(managedFields, 'v1').values()) {
          const lost = manager.name === 'a' ? [added, modified, removed] : [removed];
          for (const fields of lost) expect(isEmptySet(intersection(manager.fields, fields))).toBe(true);
        }
      }),
    );
  });
});
