import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { choosePage, parsePageRequest } from './page.ts';

const names = ['a', 'b', 'c'];

test.each([
  [{}, { names }],
  [{ count: 3 }, { names }],
  [{ count: 2 }, { names: ['a', 'b'], next: 'n=2&last=b' }],
  [{ count: 2, last: 'b' }, { names: ['c'] }],
  [{ last: 'bb' }, { names: ['c'] }],
  [{ last: 'z', count: 5 }, { names: [] }],
  [{ count: 0 }, { names: [] }],
])('page %j', (request, expected) => {
  expect(choosePage(names, request)).toEqual(expected);
});

test.each([['n=x'], ['n=-1'], ['n=1.5'], ['n=']])('refuses %s', (query) => {
  expect(() => parsePageRequest(new URLSearchParams(query))).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', status: 400 }),
  );
});

test('following the links gives every name once', () => {
  const sorted = fc.uniqueArray(fc.stringMatching(/^[a-z0-9._/&=-]{1,6}$/)).map((all) => all.sort());
  fc.assert(
    fc.property(sorted, fc.integer({ min: 1, max: 4 }), (all, count) => {
      const seen: string[] = [];
      let page = choosePage(all, { count });
      seen.push(...page.names);
      while (page.next !== undefined) {
        page = choosePage(all, parsePageRequest(new URLSearchParams(page.next)));
        seen.push(...page.names);
      }
      expect(seen).toEqual(all);
    }),
  );
});
