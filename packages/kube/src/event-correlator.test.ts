import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventCorrelator } from './event-correlator.ts';

const object = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'host-1', uid: 'u1' } };
const about = (message: string) => ({ object, type: 'Normal', reason: 'Staged', message }) as const;
const minute = 60_000;

test('up to nine messages are events of their own; from the tenth on, similar ones are one', () => {
  const correlator = new EventCorrelator();
  const keys = new Set<string>();
  for (let i = 0; i < 9; i += 1) {
    const { key, message } = correlator.correlate(about(`m${i}`), i);
    expect(message).toBe(`m${i}`);
    keys.add(key);
  }
  expect(keys.size).toBe(9);
  const combined = correlator.correlate(about('m9'), 9);
  expect(combined.message).toBe('(combined from similar events): m9');
  expect(keys).not.toContain(combined.key);
  expect(correlator.correlate(about('m10'), 10).key).toBe(combined.key);
});

test('what else differs is never combined, and neither are repeats of one message', () => {
  const correlator = new EventCorrelator();
  for (let i = 0; i < 30; i += 1) {
    expect(correlator.correlate(about('same'), i).message).toBe('same');
    const other = { ...object, metadata: { name: `host-${i}` } };
    for (const occurrence of [
      { ...about('x'), object: other },
      { ...about('x'), reason: `R${i}` },
    ]) {
      expect(correlator.correlate(occurrence, i).message).toBe('x');
    }
  }
});

test('ten minutes of silence end the combining', () => {
  const correlator = new EventCorrelator();
  for (let i = 0; i < 20; i += 1) correlator.correlate(about(`m${i}`), 0);
  expect(correlator.correlate(about('a'), 10 * minute).message).toContain('combined');
  expect(correlator.correlate(about('b'), 20 * minute + 1).message).toBe('b');
});

test('of one object 25 requests pass at once, then one in five minutes; others are not held up', () => {
  const correlator = new EventCorrelator();
  const admitted = (now: number, count: number) =>
    Array.from({ length: count }, () => correlator.admits(object, now)).filter(Boolean).length;
  expect(admitted(0, 100)).toBe(25);
  expect(admitted(5 * minute, 100)).toBe(1);
  expect(admitted(15 * minute, 100)).toBe(2);
  expect(correlator.admits({ ...object, kind: 'Other' }, 15 * minute)).toBe(true);
  expect(admitted(10_000 * minute, 100)).toBe(25);
});

test('however time passes, the requests stay under the line of burst and rate', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -minute, max: 5 * minute }), { maxLength: 200 }), (steps) => {
      const correlator = new EventCorrelator();
      let now = 0;
      let forward = 0;
      let admitted = 0;
      for (const step of steps) {
        now += step;
        forward += Math.max(0, step);
        if (correlator.admits(object, now)) admitted += 1;
        expect(admitted).toBeLessThanOrEqual(25 + forward / (5 * minute));
      }
    }),
  );
});
