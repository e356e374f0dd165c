import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';

describe('a merge patch', () => {
  // RFC 7386, appendix A.
  test.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j = %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });

  test('applied twice changes nothing more', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (target, patch) => {
          const once = mergePatch(target, patch);
          expect(mergePatch(once, patch)).toEqual(once);
        },
      ),
    );
  });
});

describe('a JSON patch', () => {
  test.each([
    [[{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    [[{ op: 'remove', path: '/a' }], {}],
    [[{ op: 'replace', path: '/a', value: null }], { a: null }],
    [[{ op: 'move', from: '/a', path: '/c' }], { c: 1 }],
    [[{ op: 'copy', from: '/a', path: '/c' }], { a: 1, c: 1 }],
    [[{ op: 'test', path: '/a', value: 1 }], { a: 1 }],
    [[{ op: 'replace', path: '', value: { x: 1 } }], { x: 1 }],
  ])('%j', (patch, expected) => {
    const target = { a: 1 };
    expect(jsonPatch(target, patch)).toEqual(expected);
    expect(target).toEqual({ a: 1 });
  });

  test.each([
    [[{ op: 'test', path: '/a', value: 2 }], 422],
    [[{ op: 'remove', path: '/zz' }], 422],
    [[{ op: 'add', path: '/x/y/z', value: 1 }], 422],
    [[{ op: 'explode', path: '/a' }], 422],
    [[{ op: 'add', path: '/a' }], 400],
    [[{ op: 'move', path: '/a' }], 400],
    [[{ op: 'add', path: '/__proto__/polluted', value: 1 }], 400],
    [{ op: 'add' }, 400],
    [[1], 400],
    [Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 })), 413],
  ])('%j is refused with %d', (patch, code) => {
    expect(() => jsonPatch({ a: 1 }, patch)).toThrow(expect.objectContaining({ code }));
  });

  test('copies of copies do not fill the memory', () => {
    const doubling = Array.from({ length: 60 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(() => jsonPatch({ a: ['x'.repeat(1000)] }, doubling)).toThrow(expect.objectContaining({ code: 413 }));
  });
});
