import { expect, test } from 'vitest';
import { isConditionTrue, setCondition } from './conditions.ts';

const early = new Date('2026-01-01T00:00:00.500Z');
const late = new Date('2026-01-02T00:00:00Z');
const ready = { type: 'Ready', status: 'True', reason: 'AllGood', message: '' } as const;

test('a new condition is appended with the time in whole seconds', () => {
  expect(setCondition([], ready, early)).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
});

test('the same again changes nothing, not even the array', () => {
  const conditions = setCondition([], ready, early);
  expect(setCondition(conditions, { ...ready }, late)).toBe(conditions);
});

test('a new message keeps the time of the transition, a new status does not', () => {
  const conditions = setCondition([], ready, early);
  expect(setCondition(conditions, { ...ready, message: 'still' }, late)[0]).toMatchObject({
    message: 'still',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  expect(setCondition(conditions, { ...ready, status: 'False' }, late)[0]).toMatchObject({
    lastTransitionTime: '2026-01-02T00:00:00Z',
  });
});

test('other conditions and their order stay, and the input is not touched', () => {
  const conditions = setCondition(setCondition([], ready, early), { ...ready, type: 'Other' }, early);
  const copy = structuredClone(conditions);
  const changed = setCondition(conditions, { ...ready, status: 'Unknown', observedGeneration: 3 }, late);
  expect(changed.map((condition) => condition.type)).toEqual(['Ready', 'Other']);
  expect(changed[1]).toBe(conditions[1]);
  expect(conditions).toEqual(copy);
});

test('a message that no server would take is cut, each time alike', () => {
  const conditions = setCondition([], { ...ready, message: `${'x'.repeat(32_767)}😀` }, early);
  expect(conditions[0]?.message).toBe(`${'x'.repeat(32_767)}\uFFFD`);
  expect(setCondition(conditions, { ...ready, message: `${'x'.repeat(32_767)}😀` }, late)).toBe(conditions);
});

test('only what is there and True is true', () => {
  const conditions = [
    ready,
    { ...ready, type: 'Off', status: 'False' },
    { ...ready, type: 'Lost', status: 'Unknown' },
  ] as const;
  expect(['Ready', 'Off', 'Lost', 'Other'].map((type) => isConditionTrue(conditions, type))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(isConditionTrue(undefined, 'Ready')).toBe(false);
});
