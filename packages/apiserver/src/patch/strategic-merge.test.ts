import { describe, expect, test } from 'vitest';
import type { Schema } from '../schema/structural.ts';
import { strategicMerge } from './strategic-merge.ts';

const conditions: Schema = {
  type: 'array',
  patchStrategy: 'merge',
  patchMergeKey: 'type',
  items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } },
};
const schema: Schema = {
  type: 'object',
  properties: {
    conditions,
    taints: { type: 'array', listType: 'atomic' },
    finalizers: { type: 'array', patchStrategy: 'merge', items: { type: 'string' } },
    spec: { type: 'object', properties: { conditions } },
  },
};

describe('a strategic merge patch', () => {
  test.each([
    ['sets and deletes keys of maps', { m: { a: 1, b: 2 } }, { m: { a: null, c: 3 } }, { m: { b: 2, c: 3 } }],
    ['replaces atomic lists', { taints: [{ key: 'a' }] }, { taints: [{ key: 'b' }] }, { taints: [{ key: 'b' }] }],
    [
      'merges lists by key and keeps the order',
      {
        conditions: [
          { type: 'A', status: '1' },
          { type: 'B', status: '1', x: 1 },
        ],
      },
      { conditions: [{ type: 'B', status: '2' }] },
      {
        conditions: [
          { type: 'A', status: '1' },
          { type: 'B', status: '2', x: 1 },
        ],
      },
    ],
    [
      'puts new elements first',
      { conditions: [{ type: 'A' }] },
      { conditions: [{ type: 'B' }] },
      { conditions: [{ type: 'B' }, { type: 'A' }] },
    ],
    [
      'deletes an element by its key',
      { conditions: [{ type: 'A' }, { type: 'B' }] },
      { conditions: [{ $patch: 'delete', type: 'A' }] },
      { conditions: [{ type: 'B' }] },
    ],
    [
      'replaces a merged list on demand',
      { conditions: [{ type: 'A' }] },
      { conditions: [{ $patch: 'replace' }, { type: 'C' }] },
      { conditions: [{ type: 'C' }] },
    ],
    [
      'orders by $setElementOrder',
      { conditions: [{ type: 'A' }, { type: 'B' }, { type: 'C' }] },
      { '$setElementOrder/conditions': [{ type: 'C' }, { type: 'A' }], conditions: [{ type: 'C', status: '2' }] },
      { conditions: [{ type: 'B' }, { type: 'C', status: '2' }, { type: 'A' }] },
    ],
    [
      'merges sets of text, new first',
      { finalizers: ['a', 'b'] },
      { finalizers: ['c', 'a'] },
      { finalizers: ['c', 'a', 'b'] },
    ],
    [
      'deletes from sets of text',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    ['replaces a map on demand', { m: { a: 1 } }, { m: { $patch: 'replace', b: 2 } }, { m: { b: 2 } }],
    ['retains named keys only', { m: { a: 1, b: 2 } }, { m: { $retainKeys: ['b', 'c'], c: 3 } }, { m: { b: 2, c: 3 } }],
    [
      'reaches merged lists below others',
      {},
      { spec: { conditions: [{ type: 'A' }] } },
      { spec: { conditions: [{ type: 'A' }] } },
    ],
    ['drops nulls of new maps', {}, { m: { a: null, b: 1 } }, { m: { b: 1 } }],
  ])('%s', (_name, target, patch, expected) => {
    const before = structuredClone(target);
    expect(strategicMerge(target, patch, schema)).toEqual(expected);
    expect(target).toEqual(before);
  });

  test('refuses elements without the merge key', () => {
    expect(() => strategicMerge({}, { conditions: [{ status: '1' }] }, schema)).toThrow(
      /does not contain declared merge key: type/,
    );
    expect(() => strategicMerge({}, { conditions: ['A'] }, schema)).toThrow(/not an object/);
    expect(() => strategicMerge({}, { $patch: 'explode' }, schema)).toThrow(/unknown patch type/);
  });

  test('stays fast for long lists', () => {
    const long = Array.from({ length: 20_000 }, (_, index) => ({ type: `t${index}` }));
    const result = strategicMerge({ conditions: long }, { conditions: long.toReversed() }, schema);
    expect(result.conditions).toHaveLength(20_000);
  });
});
