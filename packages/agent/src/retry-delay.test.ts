import { expect, test } from 'vitest';
import { retryDelay } from './retry-delay.ts';

test('doubles from a second to a minute, spread by a fifth', () => {
  expect([1, 2, 3, 6, 7, 100].map((failures) => retryDelay(failures, () => 0.5))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ]);
  expect(retryDelay(1, () => 0)).toBe(800);
  expect(retryDelay(1, () => 1)).toBe(1_200);
});
