import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { coalesceRanges } from './coalesce.ts';
import type { BlobRange } from './open-ranges.ts';

const anyRanges = fc
  .array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 5000 })), { maxLength: 30 })
  .map((steps) => {
    const ranges: BlobRange[] = [];
    let position = 0;
    for (const [gap, length] of steps) {
      ranges.push({ offset: position + gap, length });
      position += gap + length;
    }
    return ranges;
  });

function total(ranges: readonly BlobRange[]): number {
  let sum = 0;
  for (const { length } of ranges) sum += length;
  return sum;
}

test('ranges near each other become one; none is lost', () => {
  expect(
    coalesceRanges(
      [
        { offset: 0, length: 10 },
        { offset: 10, length: 5 },
        { offset: 25, length: 5 },
        { offset: 5000, length: 1 },
      ],
      10,
    ),
  ).toEqual([
    { offset: 0, length: 30 },
    { offset: 5000, length: 1 },
  ]);
  fc.assert(
    fc.property(anyRanges, (ranges) => {
      const joined = coalesceRanges(ranges);
      for (const { offset, length } of ranges) {
        expect(joined.some((one) => one.offset <= offset && offset + length <= one.offset + one.length)).toBe(true);
      }
    }),
  );
});

test('what is read over costs little: less than asking again, or 3 per cent of all', () => {
  fc.assert(
    fc.property(anyRanges, (ranges) => {
      const surplus = total(coalesceRanges(ranges)) - total(ranges);
      expect(surplus).toBeLessThanOrEqual(ranges.length * 256 + total(ranges) * 0.03);
    }),
  );
});
