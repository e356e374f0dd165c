import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lane } from './lane.ts';

const { signal: stays } = new AbortController();
const full = { code: 429, status: { details: { retryAfterSeconds: 1 } } };

describe('a lane', () => {
  test('lets requests in while there is room, then in the order in which they came', async () => {
    const lane = new Lane({ running: 1, waiting: 2, perClient: 9 });
    const order: string[] = [];
    const enter = async (name: string) => {
      const leave = await lane.enter(name, stays);
      order.push(name);
      return leave;
    };
    const first = await enter('a');
    const second = enter('b');
    const third = enter('c');
    await expect(enter('d')).rejects.toMatchObject(full);
    expect([lane.running, lane.waiting, lane.refused]).toEqual([1, 2, 1]);
    first();
    (await second)();
    (await third)();
    expect(order).toEqual(['a', 'b', 'c']);
    expect([lane.running, lane.waiting]).toEqual([0, 0]);
  });

  test('is not for one client alone', async () => {
    const lane = new Lane({ running: 10, waiting: 10, perClient: 2 });
    const leave = await lane.enter('greedy', stays);
    await lane.enter('greedy', stays);
    await expect(lane.enter('greedy', stays)).rejects.toMatchObject(full);
    await lane.enter('modest', stays);
    leave();
    await lane.enter('greedy', stays);
  });

  test('forgets who goes while waiting', async () => {
    const lane = new Lane({ running: 1, waiting: 1, perClient: 2 });
    const leave = await lane.enter('a', stays);
    const gone = new AbortController();
    const waiting = lane.enter('a', gone.signal);
    gone.abort();
    await expect(waiting).rejects.toMatchObject(full);
    expect(lane.waiting).toBe(0);
    const next = lane.enter('b', stays);
    leave();
    await next;
    expect(lane.running).toBe(1);
  });

  test('counts one leaving once', async () => {
    const lane = new Lane({ running: 1, waiting: 0, perClient: 1 });
    const leave = await lane.enter('a', stays);
    leave();
    leave();
    await lane.enter('a', stays);
    expect(lane.running).toBe(1);
  });

  test('never works on more than it may, and ends empty, whoever comes and goes', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('enter' as const), client: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ kind: fc.constant('leave' as const), index: fc.nat(20) }),
      fc.record({ kind: fc.constant('go' as const), index: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const lane = new Lane({ running: 3, waiting: 4, perClient: 3 });
        const inside: (() => void)[] = [];
        const waiting: AbortController[] = [];
        for (const one of steps) {
          if (one.kind === 'enter') {
            const gone = new AbortController();
            waiting.push(gone);
            lane.enter(String(one.client), gone.signal).then(
              (leave) => inside.push(leave),
              () => {},
            );
          } else if (one.kind === 'leave') {
            inside.splice(one.index % Math.max(inside.length, 1), 1)[0]?.();
          } else {
            waiting[one.index % Math.max(waiting.length, 1)]?.abort();
          }
          for (let turn = 0; turn < 4; turn++) await Promise.resolve();
          expect(lane.running).toBeLessThanOrEqual(3);
          expect(lane.waiting).toBeLessThanOrEqual(4);
          expect(lane.waiting === 0 || lane.running === 3).toBe(true);
        }
        for (const gone of waiting) gone.abort();
        while (inside.length > 0) {
          inside.pop()?.();
          for (let turn = 0; turn < 4; turn++) await Promise.resolve();
        }
        expect([lane.running, lane.waiting]).toEqual([0, 0]);
      }),
    );
  });
});
