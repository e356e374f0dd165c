// Comparing, merging and removing by a schema.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Schema } from '../schema/structural.ts';
import { compare } from './compare.ts';
import { pathText } from './elements.ts';
import { members, setOf } from './field-set.ts';
import { fieldsOf, withStructures } from './fields-of.ts';
import { merge } from './merge.ts';
import { remove } from './remove.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    count: { type: 'integer' },
    names: { type: 'array', listType: 'set', items: { type: 'string' } },
    ports: {
      type: 'array',
      listType: 'map',
      listMapKeys: ['port', 'protocol'],
      items: {
        type: 'object',
        properties: {
          port: { type: 'integer' },
          protocol: { type: 'string', default: 'TCP' },
          name: { type: 'string' },
        },
      },
    },
    plain: { type: 'array', items: { type: 'integer' } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    selector: { type: 'object', mapType: 'atomic', properties: { a: { type: 'string' }, b: { type: 'string' } } },
    inner: { type: 'object', properties: { x: { type: 'integer' }, y: { type: 'integer' } } },
    free: { type: 'object', preserveUnknownFields: true },
  },
};

const small = fc.integer({ min: 0, max: 3 });
const word = fc.constantFrom('a', 'b', 'c');
const value = fc.record(
  {
    count: small,
    names: fc.uniqueArray(word),
    ports: fc.uniqueArray(fc.record({ port: small, name: word }, { requiredKeys: ['port'] }), {
      selector: ({ port }) => port,
    }),
    plain: fc.array(small, { maxLength: 3 }),
    labels: fc.dictionary(word, word),
    selector: fc.record({ a: word, b: word }, { requiredKeys: [] }),
    inner: fc.record({ x: small, y: small }, { requiredKeys: [] }),
    free: fc.dictionary(word, fc.jsonValue({ maxDepth: 2 })),
  },
  { requiredKeys: [] },
);

function textsOf(...arguments_: Parameters<typeof members>): string[] {
  return [...members(...arguments_)].map(pathText);
}

describe('comparing', () => {
  test.each([
    [{ count: 1 }, { count: 2 }, { modified: ['.count'] }],
    [{}, { labels: { a: 'b' } }, { added: ['.labels', '.labels.a'] }],
    [{ labels: { a: 'b' } }, {}, { removed: ['.labels', '.labels.a'] }],
    [{ names: ['a', 'b'] }, { names: ['b', 'c'] }, { added: ['.names[="c"]'], removed: ['.names[="a"]'] }],
    [{ plain: [1] }, { plain: [1, 2] }, { modified: ['.plain'] }],
    [{ selector: { a: 'x' } }, { selector: { b: 'y' } }, { modified: ['.selector'] }],
    [
      { ports: [{ port: 1, name: 'x' }] },
      { ports: [{ port: 1, protocol: 'TCP', name: 'y' }] },
      { added: ['.ports[port=1,protocol="TCP"].protocol'], modified: ['.ports[port=1,protocol="TCP"].name'] },
    ],
    [{ free: { a: { b: 1 } } }, { free: { a: [1] } }, { removed: ['.free.a.b'], modified: ['.free.a'] }],
    [{ labels: {} }, { labels: { a: 'b' } }, { added: ['.labels.a'] }],
    [{ names: [] }, {}, { removed: ['.names'] }],
    [{ count: null }, { count: 1 }, { modified: ['.count'] }],
  ])('%j with %j', (before, after, expected) => {
    const { added, modified, removed } = compare(before, after, schema);
    const found = { added: textsOf(added), modified: textsOf(modified), removed: textsOf(removed) };
    expect(found).toEqual({ added: [], modified: [], removed: [], ...expected });
  });

  test('is the same in both directions', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [there, back] = [compare(a, b, schema), compare(b, a, schema)];
        expect(there.added).toEqual(back.removed);
        expect(there.removed).toEqual(back.added);
        expect(there.modified).toEqual(back.modified);
      }),
    );
  });

  test('finds nothing between equal values', () => {
    fc.assert(
      fc.property(value, (a) => {
        expect(compare(a, structuredClone(a), schema)).toEqual({ added: {}, modified: {}, removed: {} });
      }),
    );
  });
});

describe('merging', () => {
  test.each([
    [{ names: ['a', 'x', 'b'] }, { names: ['b', 'n', 'a'] }, { names: ['x', 'b', 'n', 'a'] }],
    [{ names: ['x', 'a', 'y'] }, { names: ['n', 'a', 'm'] }, { names: ['x', 'n', 'a', 'y', 'm'] }],
    [{ names: ['x'] }, { names: ['n'] }, { names: ['x', 'n'] }],
    [{ labels: { a: '1' } }, { labels: {} }, { labels: { a: '1' } }],
    [{ labels: { a: '1' } }, { labels: null }, { labels: { a: '1' } }],
    [{ plain: [1] }, { plain: [2] }, { plain: [2] }],
    [{ selector: { a: 'x' } }, { selector: { b: 'y' } }, { selector: { b: 'y' } }],
    [{ free: { a: 1, b: { c: 1 } } }, { free: { b: { d: 2 } } }, { free: { a: 1, b: { c: 1, d: 2 } } }],
    [
      { ports: [{ port: 1, protocol: 'TCP', name: 'x' }] },
      { ports: [{ port: 1, name: 'y' }, { port: 2 }] },
      { ports: [{ port: 1, protocol: 'TCP', name: 'y' }, { port: 2 }] },
    ],
  ])('%j with %j', (live, config, expected) => {
    expect(merge(live, config, schema)).toEqual(expected);
  });

  test('twice is the same as once, and changes neither argument', () => {
    fc.assert(
      fc.property(value, value, (live, config) => {
        const before = structuredClone([live, config]);
        const once = merge(live, config, schema);
        expect(merge(once, config, schema)).toEqual(once);
        expect([live, config]).toEqual(before);
      }),
    );
  });

  test('of configurations without a field in common does not depend on their order, but for lists', () => {
    const lists = { names: undefined, ports: undefined };
    fc.assert(
      fc.property(value, value, (a, b) => {
        const other = Object.fromEntries(Object.entries(b).filter(([key]) => !Object.hasOwn(a, key)));
        const there = merge(merge({}, a, schema), other, schema);
        const back = merge(merge({}, other, schema), a, schema);
        expect({ ...Object.assign({}, there), ...lists }).toEqual({ ...Object.assign({}, back), ...lists });
      }),
    );
  });
});

describe('fields of a configuration', () => {
  test.each([
    [{ count: 1, labels: { a: 'b' }, inner: { x: 1 } }, ['.count', '.inner.x', '.labels.a']],
    [{ labels: {}, names: [], plain: [], count: null }, ['.count', '.labels', '.plain']],
    [{ selector: { a: 'b' } }, ['.selector']],
    [{ ports: [{ port: 1 }] }, ['.ports[port=1,protocol="TCP"]', '.ports[port=1,protocol="TCP"].port']],
    [{ free: { a: { b: [1] } } }, ['.free.a', '.free.a.b']],
  ])('%j', (config, expected) => {
    expect(textsOf(fieldsOf(config, schema)).sort()).toEqual(expected.sort());
  });

  test('are nothing but what merging it into nothing adds', () => {
    fc.assert(
      fc.property(value, (config) => {
        const added = compare({}, config, schema).added;
        expect(textsOf(added)).toEqual(expect.arrayContaining(textsOf(fieldsOf(config, schema))));
      }),
    );
  });

  test('with structures have those as members, and maps not', () => {
    const set = withStructures(setOf(['f:inner', 'f:x'], ['f:free', 'f:a', 'f:b']), schema);
    expect(textsOf(set)).toEqual(['.free', '.inner', '.free.a.b', '.inner.x']);
  });
});

describe('removing', () => {
  test.each([
    [{ labels: { a: '1', b: '2' } }, ['f:labels', 'f:a'], { labels: { b: '2' } }],
    [{ labels: { a: '1' }, count: 1 }, ['f:labels', 'f:a'], { labels: {}, count: 1 }],
    [{ names: ['a', 'b'] }, ['f:names', 'v:"a"'], { names: ['b'] }],
    [{ names: ['a'], count: 1 }, ['f:names', 'v:"a"'], { count: 1 }],
    [{ inner: { x: 1, y: 2 } }, ['f:inner'], {}],
    [{ plain: [1] }, ['f:plain', 'i:0'], { plain: [1] }],
    [{ labels: {} }, ['f:labels', 'f:a'], { labels: {} }],
  ])('%j without %j', (from, path, expected) => {
    expect(remove(from, setOf(path), schema)).toEqual(expected);
  });

  test('takes away what it is told and nothing else', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const both = merge(a, b, schema);
        const rest = remove(both, fieldsOf(b, schema), schema);
        expect(textsOf(compare(both, rest, schema).added)).toEqual([]);
        expect(textsOf(compare(both, rest, schema).modified)).toEqual([]);
      }),
    );
  });
});
