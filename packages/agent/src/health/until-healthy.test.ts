import { expect, test, vi } from 'vitest';
import { type CheckResult, failed, passed } from './result.ts';
import { untilHealthy } from './until-healthy.ts';

/** Looks that each take `step` milliseconds of the given clock. */
function setting(results: readonly CheckResult[], step: number) {
  const clock = { time: 5_000 };
  const asked: number[] = [];
  const waiting: string[] = [];
  return {
    asked,
    waiting,
    options: {
      now: () => clock.time,
      look: async (remaining: number) => {
        asked.push(remaining);
        clock.time += step;
        return [results[Math.min(asked.length, results.length) - 1] ?? passed('none')];
      },
      onWaiting: ({ name }: CheckResult) => void waiting.push(name),
      signal: new AbortController().signal,
    },
  };
}

test('what is late is waited for', async () => {
  const { options, waiting } = setting([failed('a', 'm'), failed('b', 'm'), passed('a')], 3);
  expect((await untilHealthy({ ...options, deadline: 30 })).healthy).toBe(true);
  expect(waiting).toEqual(['a', 'b']);
});

test('what is bad at the deadline is bad', async () => {
  const { options, asked } = setting([failed('a', 'm')], 10);
  const verdict = await untilHealthy({ ...options, deadline: 30 });
  expect(verdict.failing?.name).toBe('a');
  expect(asked.length).toBe(3);
});

test('one look is taken however short the time, and it gets a second', async () => {
  const { options, asked } = setting([failed('a', 'm')], 1);
  expect((await untilHealthy({ ...options, deadline: 0 })).healthy).toBe(false);
  expect(asked).toEqual([1_000]);
});

test('a clock that is set years ahead or back changes nothing', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    let looks = 0;
    const verdict = await untilHealthy({
      deadline: 60_000,
      look: async () => {
        looks += 1;
        vi.setSystemTime(looks === 1 ? new Date('2062-01-01') : new Date('1990-01-01'));
        return [looks < 3 ? failed('a', 'm') : passed('a')];
      },
      onWaiting: () => {},
      signal: new AbortController().signal,
    });
    expect([verdict.healthy, looks]).toEqual([true, 3]);
  } finally {
    vi.useRealTimers();
  }
});

test('an abort ends the wait', async () => {
  const { options } = setting([failed('a', 'm')], 0);
  const stop = new AbortController();
  const waiting = untilHealthy({ ...options, deadline: 1e9, onWaiting: () => stop.abort(), signal: stop.signal });
  await expect(waiting).rejects.toThrow('aborted');
});
