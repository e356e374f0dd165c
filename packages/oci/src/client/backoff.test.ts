import { expect, test } from 'vitest';
import { backoffDelay, parseRetryAfter, waitFor } from './backoff.ts';

const policy = { attempts: 6, firstDelay: 500 };

test('waits twice as long each time, up to a bound, with half of it left to chance', () => {
  expect([0, 1, 2, 3, 10, 100].map((attempt) => backoffDelay(attempt, policy, 1))).toEqual([
    500, 1000, 2000, 4000, 15_000, 15_000,
  ]);
  expect(backoffDelay(1, policy, 0)).toBe(500);
});

test.each([
  ['3', 3000],
  ['0', 0],
  ['99999', 120_000],
  ['Thu, 01 Jan 1970 00:00:10 GMT', 9000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', undefined],
  ['-5', undefined],
  [undefined, undefined],
])('reads Retry-After: %s', (header, expected) => {
  expect(parseRetryAfter(header, 1000)).toBe(expected);
});

test('a wait ends with its signal', async () => {
  await expect(waitFor(60_000, AbortSignal.timeout(10))).rejects.toMatchObject({ name: 'AbortError' });
});
