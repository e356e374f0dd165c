import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseFault, formatFault, parseFault, randomFrom } from './fault.ts';

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 10_000 }), (seed, calls) => {
      const fault = chooseFault(calls, randomFrom(seed));
      expect(parseFault(formatFault(fault))).toEqual(fault);
      expect(fault.at).toBeLessThan(calls);
    }),
  );
});

test('a call can be held', () => {
  expect(parseFault(formatFault({ kind: 'hold', at: 7 }))).toEqual({ kind: 'hold', at: 7 });
});

test.each(['', 'kill', 'kill@', 'kill@x', 'error@1', 'error@1:EPERM', 'delay@1:x', 'sleep@1'])(
  '%j is no fault',
  (text) => {
    expect(parseFault(text)).toBeUndefined();
  },
);

test('one seed gives one sequence, and every kind comes', () => {
  const random = randomFrom(1);
  const again = randomFrom(1);
  const kinds = new Set<string>();
  for (let round = 0; round < 200; round++) {
    const fault = chooseFault(100, random);
    expect(chooseFault(100, again)).toEqual(fault);
    kinds.add(fault.kind);
  }
  expect([...kinds].sort()).toEqual(['clock', 'delay', 'error', 'kill', 'kill-after', 'kill-all', 'tear']);
});
