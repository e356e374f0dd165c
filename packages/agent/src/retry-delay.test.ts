import { OciError } from '@varve/oci';
import { expect, test } from 'vitest';
import { retryDelay, retryDelayOf } from './retry-delay.ts';

test('doubles from a second to a minute, spread by a fifth', () => {
  expect([1, 2, 3, 6, 7, 100].map((failures) => retryDelay(failures, () => 0.5))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ]);
  expect(retryDelay(1, () => 0)).toBe(800);
  expect(retryDelay(1, () => 1)).toBe(1_200);
});

test('what the signature policy refuses is seldom looked at again', () => {
  const refused = new OciError('SIGNATURE_REJECTED', 'the image has no signature');
  expect(retryDelayOf(refused, 1)).toBe(600_000);
  expect(retryDelayOf(new OciError('REGISTRY_UNREACHABLE', 'it is away'), 1, () => 0.5)).toBe(1_000);
});
