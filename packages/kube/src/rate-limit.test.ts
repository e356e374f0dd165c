import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

test('a burst passes at once, then each waits its turn, and a pause fills the bucket again', () => {
  const limit = new RateLimit({ perSecond: 10, burst: 3 });
  expect([1, 2, 3, 4, 5].map(() => limit.reserve(1000))).toEqual([0, 0, 0, 100, 200]);
  expect(limit.reserve(1300)).toBe(0);
  expect(limit.reserve(1300)).toBe(100);
  expect([1, 2, 3, 4].map(() => limit.reserve(60_000))).toEqual([0, 0, 0, 100]);
});

test('in no stretch of time do more come than burst and rate allow', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), (steps, perSecond, burst) => {
      const limit = new RateLimit({ perSecond, burst });
      let now = 0;
      const times = steps.map((step) => {
        now += step;
        return now + limit.reserve(now);
      });
      times.forEach((from, first) => {
        for (const [last, to] of times.entries()) {
          const allowed = burst + ((to - from) / 1000) * perSecond;
          if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(allowed + 1e-6);
        }
      });
    }),
    { numRuns: 50 },
  );
});
