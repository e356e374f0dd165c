import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WorkQueue } from './work-queue.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets everything run that needs no timer. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

test('keys added before the start are processed in order, each once', async () => {
  const done: string[] = [];
  const queue = new WorkQueue(async (key) => void done.push(key));
  for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
  expect(queue.length).toBe(3);
  const end = new AbortController();
  const running = queue.run(end.signal);
  await settle();
  expect(done).toEqual(['a', 'b', 'c']);
  end.abort();
  await running;
});

test('a key that changes while it is processed is processed once more, and never beside itself', async () => {
  let release = Promise.withResolvers<void>();
  let active = 0;
  let runs = 0;
  const queue = new WorkQueue(
    async () => {
      active += 1;
      expect(active).toBe(1);
      runs += 1;
      await release.promise;
      active -= 1;
    },
    { concurrency: 4 },
  );
  const end = new AbortController();
  const running = queue.run(end.signal);
  queue.add('a');
  await settle();
  queue.add('a');
  queue.add('a');
  await settle();
  expect(runs).toBe(1);
  const first = release;
  release = Promise.withResolvers();
  first.resolve();
  await settle();
  expect(runs).toBe(2);
  release.resolve();
  await settle();
  expect(runs).toBe(2);
  end.abort();
  await running;
});

test('failures of one key wait longer and longer up to the cap, and success forgets them', async () => {
  const times: number[] = [];
  let failing = true;
  const errors: unknown[] = [];
  const queue = new WorkQueue(
    async () => {
      times.push(Date.now());
      if (failing) throw new Error('no');
    },
    { backoff: { initial: 100, max: 400 }, random: () => 1, onError: (key, error) => errors.push([key, error]) },
  );
  const end = new AbortController();
  const running = queue.run(end.signal);
  queue.add('a');
  await vi.advanceTimersByTimeAsync(1500);
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(waits).toEqual([100, 200, 400, 400, 400]);
  expect(errors).toHaveLength(6);
  failing = false;
  await vi.advanceTimersByTimeAsync(400);
  failing = true;
  times.length = 0;
  queue.add('a');
  await vi.advanceTimersByTimeAsync(100);
  expect(times).toHaveLength(2);
  end.abort();
  await running;
});

test('when all keys fail, they come back no faster than their common rate', async () => {
  let runs = 0;
  const failing = async () => {
    runs += 1;
    throw new Error('the server is gone');
  };
  const options = { backoff: { initial: 2, max: 4 }, retryRate: { perSecond: 10, burst: 5 }, concurrency: 50 };
  const queue = new WorkQueue(failing, options);
  for (let i = 0; i < 50; i += 1) queue.add(`key-${i}`);
  const end = new AbortController();
  const running = queue.run(end.signal);
  await settle();
  expect(runs).toBe(50);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(runs - 50).toBeGreaterThanOrEqual(30);
  expect(runs - 50).toBeLessThanOrEqual(36);
  // A change of a key does not wait with the others.
  const before = runs;
  queue.add('key-49');
  await settle();
  expect(runs).toBe(before + 1);
  end.abort();
  await running;
});

test('a change does not wait for the back-off, and does not reset it', async () => {
  const times: number[] = [];
  const queue = new WorkQueue(
    async () => {
      times.push(Date.now());
      throw new Error('no');
    },
    { backoff: { initial: 1000, max: 60_000 }, random: () => 1 },
  );
  const end = new AbortController();
  const running = queue.run(end.signal);
  queue.add('a');
  await settle();
  queue.add('a');
  await settle();
  expect(times).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(times).toHaveLength(3);
  end.abort();
  await running;
});

test('of several times for one key the earliest counts, and no time is now', async () => {
  const times: number[] = [];
  const queue = new WorkQueue(async () => void times.push(Date.now()));
  const end = new AbortController();
  const running = queue.run(end.signal);
  const start = Date.now();
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  queue.addAfter('a', 300);
  queue.addAfter('a', 1e12);
  await vi.advanceTimersByTimeAsync(2000);
  expect(times.map((time) => time - start)).toEqual([100]);
  queue.addAfter('a', 0);
  queue.addAfter('a', Number.NaN);
  await settle();
  expect(times).toHaveLength(2);
  end.abort();
  await running;
});

test('a time beyond what timers can hold does not fire at once', async () => {
  let runs = 0;
  const queue = new WorkQueue(async () => {
    runs += 1;
  });
  const end = new AbortController();
  const running = queue.run(end.signal);
  queue.addAfter('a', 1e12);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBe(0);
  end.abort();
  await running;
});

test('the abort begins nothing new, tells the running ones and waits for them', async () => {
  const log: string[] = [];
  const queue = new WorkQueue(async (key, signal) => {
    log.push(`begin ${key}`);
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 50)));
    log.push(`end ${key}`);
    throw new Error('interrupted');
  });
  const end = new AbortController();
  let ended = false;
  const running = queue.run(end.signal).then(() => {
    ended = true;
  });
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 10);
  await settle();
  end.abort();
  await settle();
  expect(ended).toBe(false);
  await vi.advanceTimersByTimeAsync(60_000);
  await running;
  queue.add('d');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(log).toEqual(['begin a', 'end a']);
  expect(vi.getTimerCount()).toBe(0);
});

test('an errors listener that throws stops nothing', async () => {
  let runs = 0;
  const queue = new WorkQueue(
    async () => {
      runs += 1;
      throw new Error('no');
    },
    {
      onError: () => {
        throw new Error('broken logger');
      },
    },
  );
  const end = new AbortController();
  const running = queue.run(end.signal);
  queue.add('a');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toBeGreaterThan(2);
  end.abort();
  await running;
});

test('whatever comes when: never beside itself, never over the bound, and the last change is always seen', async () => {
  vi.useRealTimers();
  const action = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    after: fc.constantFrom(0, 0, 0, 1, 3),
    pause: fc.constantFrom(0, 0, 1, 2),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.nat(3)),
      async (actions, concurrency, luck) => {
        const wanted = new Map<string, number>();
        const seen = new Map<string, number>();
        const active = new Set<string>();
        const queue = new WorkQueue(
          async (key) => {
            expect(active.has(key)).toBe(false);
            active.add(key);
            expect(active.size).toBeLessThanOrEqual(concurrency);
            const found = wanted.get(key);
            const roll = luck.next().value;
            if (roll > 0) await sleep(roll - 1);
            active.delete(key);
            if (roll === 3) throw new Error('bad luck');
            if (found !== undefined) seen.set(key, found);
          },
          { concurrency, backoff: { initial: 1, max: 4 } },
        );
        const end = new AbortController();
        const running = queue.run(end.signal);
        for (const [version, { key, after, pause }] of actions.entries()) {
          wanted.set(key, version);
          queue.addAfter(key, after);
          if (pause > 0) await sleep(pause);
        }
        await vi.waitFor(() => expect(seen).toEqual(wanted), { timeout: 5000, interval: 1 });
        end.abort();
        await running;
        expect(active.size).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
});
