import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesSelector, parseSelector } from './labels.ts';

const labels = { a: 'b', tier: 'front', 'node-role.kubernetes.io/worker': '', size: '7' };

test.each([
  ['', true],
  ['a=b', true],
  ['a==b', true],
  ['a = b , tier=front', true],
  ['a=c', false],
  ['a!=c', true],
  ['a!=b', false],
  ['missing!=b', true],
  ['tier in (front, back)', true],
  ['tier in (back)', false],
  ['tier in(front)', true],
  ['tier notin (back)', true],
  ['missing notin (back)', true],
  ['tier notin (front,back)', false],
  ['a', true],
  ['missing', false],
  ['!missing', true],
  ['!a', false],
  ['node-role.kubernetes.io/worker', true],
  ['node-role.kubernetes.io/worker=', true],
  ['size>6', true],
  ['size<7', false],
  ['a>1', false],
  ['missing<1', false],
  ['a=b,tier in (front,back),!missing,size>6', true],
])('selector text "%s"', (text, matches) => {
  expect(matchesSelector(labels, text)).toBe(matches);
});

test.each([
  'a=b,',
  ',',
  'a=b=c',
  'a in b',
  'a in (b',
  'a)',
  '-a',
  'a=-',
  'a>x',
  '/a',
  'A/b/c',
  'a b',
  '!',
  '!a=b',
  'é',
  'x'.repeat(64),
])('selector text "%s" is refused', (text) => {
  expect(() => parseSelector(text)).toThrow(expect.objectContaining({ code: 'SELECTOR_INVALID' }));
});

test.each([
  [undefined, false],
  [{}, false],
  [{ matchLabels: {} }, false],
  [{ matchLabels: { a: 'b' } }, true],
  [{ matchLabels: { a: 'b', tier: 'back' } }, false],
  [{ matchExpressions: [{ key: 'tier', operator: 'In' as const, values: ['front'] }] }, true],
  [{ matchExpressions: [{ key: 'tier', operator: 'NotIn' as const, values: ['front'] }] }, false],
  [{ matchExpressions: [{ key: 'x', operator: 'DoesNotExist' as const }] }, true],
  [{ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'x', operator: 'Exists' as const }] }, false],
  [{ matchLabels: { constructor: 'x' } }, false],
])('LabelSelector %j', (selector, matches) => {
  expect(matchesSelector(labels, selector)).toBe(matches);
});

test('labels that are absent match what asks for nothing of them', () => {
  expect(matchesSelector(undefined, '!a')).toBe(true);
  expect(matchesSelector(undefined, 'a')).toBe(false);
});

test('text and object of the same requirements agree', () => {
  const key = fc.constantFrom('a', 'b', 'x.io/c');
  const value = fc.constantFrom('', '1', 'two', 'T-3');
  const expression = fc.record({
    key,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(value, { minLength: 1, maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.dictionary(key, value), fc.array(expression, { minLength: 1 }), (some, matchExpressions) => {
      const text = matchExpressions
        .map((each) => `${each.key} ${each.operator.toLowerCase()} (${each.values.join(',')})`)
        .join(',');
      expect(matchesSelector(some, text)).toBe(matchesSelector(some, { matchExpressions }));
    }),
  );
});
