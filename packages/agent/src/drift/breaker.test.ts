import { expect, test } from 'vitest';
import { maxRepairs, RepairBreaker, repairWindow } from './breaker.ts';

function setting() {
  const clock = { time: 1_000 };
  return { clock, breaker: new RepairBreaker(() => clock.time) };
}

test('a path that is changed again and again is left alone, others are not', () => {
  const { breaker, clock } = setting();
  for (let repair = 0; repair < maxRepairs; repair++) {
    expect(breaker.allows('/etc/a')).toBe(true);
    breaker.note('/etc/a');
    clock.time += 10;
  }
  expect(breaker.allows('/etc/a')).toBe(false);
  expect(breaker.leftAlone()).toEqual(['/etc/a']);
  expect(breaker.allows('/etc/b')).toBe(true);
  expect(breaker.nextChance()).toBe(repairWindow - 10);
  clock.time += repairWindow;
  expect(breaker.allows('/etc/a')).toBe(true);
  expect(breaker.nextChance()).toBeUndefined();
});

test('repairs that lie far apart never add up', () => {
  const { breaker, clock } = setting();
  for (let repair = 0; repair < 4 * maxRepairs; repair++) {
    expect(breaker.allows('/etc/a')).toBe(true);
    breaker.note('/etc/a');
    clock.time += repairWindow / (maxRepairs - 1);
  }
});

test('another config is a new beginning', () => {
  const { breaker } = setting();
  for (let repair = 0; repair < maxRepairs; repair++) breaker.note('/etc/a');
  breaker.reset();
  expect(breaker.allows('/etc/a')).toBe(true);
});
