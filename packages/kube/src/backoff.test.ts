import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffDelay } from './backoff.ts';

test('the wait doubles up to the cap, and its upper half is chance', () => {
  const backoff = { initial: 100, max: 1000 };
  expect([0, 1, 2, 3, 4, 5].map((retry) => backoffDelay(retry, backoff, () => 1))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffDelay(1, backoff, () => 0)).toBe(100);
});

test('no number of retries leaves the bounds', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (retry, random) => {
      const wait = backoffDelay(retry, { initial: 50, max: 30_000 }, () => random);
      expect(wait).toBeGreaterThanOrEqual(25);
      expect(wait).toBeLessThanOrEqual(30_000);
    }),
  );
});
