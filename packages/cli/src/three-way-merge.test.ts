import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { threeWayMergePatch } from './three-way-merge.ts';

describe('threeWayMergePatch', () => {
  it.each([
    ['a changed field', { a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }],
    ['a field that the manifest dropped', { a: 1, b: 2 }, { a: 1 }, { a: 1, b: 2 }, { b: null }],
    ['a field that somebody else set', { a: 1 }, { a: 1 }, { a: 1, c: 3 }, {}],
    ['a dropped field that is gone already', { a: 1, b: 2 }, { a: 1 }, { a: 1 }, {}],
    ['arrays as a whole', { a: [1] }, { a: [1, 2] }, { a: [1] }, { a: [1, 2] }],
    ['nested objects', { s: { x: 1, y: 1 } }, { s: { x: 2 } }, { s: { x: 1, y: 1, z: 1 } }, { s: { x: 2, y: null } }],
    ['no earlier manifest', undefined, { a: 1 }, { a: 1, b: 2 }, {}],
  ])('%s', (_, lastApplied, desired, live, expected) => {
    expect(threeWayMergePatch(lastApplied, desired, live)).toEqual(expected);
  });

  it('is empty when live is what was applied', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        expect(threeWayMergePatch(object, object, object)).toEqual({});
      }),
    );
  });
});
