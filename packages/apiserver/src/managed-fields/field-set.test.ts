import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  difference,
  type FieldPath,
  type FieldSet,
  FieldSetBuilder,
  intersection,
  isEmptySet,
  members,
  only,
  parseFieldSet,
  setOf,
  union,
  without,
} from './field-set.ts';

const element = fc.constantFrom('f:a', 'f:b', 'k:{"x":1}', 'v:"y"');
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const paths = fc.array(path, { maxLength: 12 });

function textsOf(set: FieldSet): string[] {
  return [...members(set)].map((member) => member.join('/')).sort();
}

function joined(list: readonly FieldPath[]): Set<string> {
  return new Set(list.map((member) => member.join('/')));
}

describe('a set of fields', () => {
  test('has the form that managedFields has', () => {
    const set = setOf(['f:data'], ['f:data', 'f:a'], ['f:spec', 'f:x'], ['f:list', 'k:{"port":1}'], ['f:data', 'f:b']);
    expect(set).toEqual({
      'f:data': { '.': {}, 'f:a': {}, 'f:b': {} },
      'f:spec': { 'f:x': {} },
      'f:list': { 'k:{"port":1}': {} },
    });
    expect(setOf(['f:a', 'f:b'], ['f:a'])).toEqual({ 'f:a': { '.': {}, 'f:b': {} } });
    expect(isEmptySet(setOf([]))).toBe(true);
  });

  test('holds what was put into it, in any order', () => {
    fc.assert(
      fc.property(paths, (list) => {
        expect(new Set(textsOf(setOf(...list)))).toEqual(joined(list));
        expect(setOf(...list.toReversed())).toEqual(setOf(...list));
        expect(parseFieldSet(JSON.parse(JSON.stringify(setOf(...list))))).toEqual(setOf(...list));
      }),
    );
  });

  test('of very many fields is made in no time', () => {
    const builder = new FieldSetBuilder();
    for (let index = 0; index < 200_000; index++) builder.add(['f:data', `f:key${index}`]);
    expect(Object.keys(builder.set['f:data'] ?? {})).toHaveLength(200_000);
  });

  test('has the operations of sets', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [left, right] = [setOf(...a), setOf(...b)];
        const [inA, inB] = [joined(a), joined(b)];
        expect(union(left, right)).toEqual(setOf(...a, ...b));
        expect(new Set(textsOf(intersection(left, right)))).toEqual(inA.intersection(inB));
        expect(new Set(textsOf(difference(left, right)))).toEqual(inA.difference(inB));
        expect(union(difference(left, right), intersection(left, right))).toEqual(left);
        const rest = [...inA].filter((text) => !b.some((gone) => `${text}/`.startsWith(`${gone.join('/')}/`)));
        expect(textsOf(without(left, right))).toEqual(rest.sort());
      }),
    );
  });

  test('never changes its arguments', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [left, right] = [setOf(...a), setOf(...b)];
        const before = structuredClone([left, right]);
        union(left, right);
        difference(left, right);
        intersection(left, right);
        expect([left, right]).toEqual(before);
      }),
    );
  });

  test('can be narrowed to a path', () => {
    const set = setOf(['f:a'], ['f:a', 'f:b'], ['f:a', 'f:b', 'f:c'], ['f:d']);
    expect(only(set, ['f:a', 'f:b'])).toEqual({ 'f:a': { 'f:b': { '.': {}, 'f:c': {} } } });
    expect(only(set, ['f:x'])).toEqual({});
  });

  test.each([
    [{ 'k:{"b":1,"a":2}': {} }, { 'k:{"a":2,"b":1}': {} }],
    [{ 'v:"\\u0061"': {} }, { 'v:"a"': {} }],
    [{ 'f:a': { '.': {}, 'i:0': {} } }, { 'f:a': { '.': {}, 'i:0': {} } }],
    [{ 'z:a': {}, 'f:b': {} }, { 'f:b': {} }],
    [{ a: {} }, undefined],
    [{ '': {} }, undefined],
    [{ 'k:[1]': {} }, undefined],
    [{ 'v:{': {} }, undefined],
    [{ 'f:a': 1 }, undefined],
    [{ 'f:a': [] }, undefined],
    [null, undefined],
  ])('%j is read as %j', (value, expected) => {
    expect(parseFieldSet(value)).toEqual(expected);
  });

  test('is never made of something else', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void parseFieldSet(value)));
  });
});
