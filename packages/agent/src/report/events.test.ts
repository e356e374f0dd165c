import { type KubeObject, nodeResource } from '@varve/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NodeEvents } from './events.ts';

const object: KubeObject = { apiVersion: 'v1', kind: nodeResource.kind, metadata: { name: 'a' } };

function setting() {
  const told: string[] = [];
  const record = (_object: KubeObject, _type: string, reason: string, message: string, time = new Date()) =>
    void told.push(`${time.toISOString().slice(11, 19)} ${reason} ${message}`);
  return { events: new NodeEvents(), recorder: { record }, told };
}

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') }));
afterEach(() => void vi.useRealTimers());

test('what happens before the object is there is told when it is, with its time', () => {
  const { events, recorder, told } = setting();
  events.record('Warning', 'HealthWarning', 'early');
  vi.setSystemTime(new Date('2026-01-01T00:01:00Z'));
  events.connect(recorder);
  expect(told).toEqual([]);
  events.about(object);
  events.record('Normal', 'ConfigDriftCleared', 'late');
  expect(told).toEqual(['00:00:00 HealthWarning early', '00:01:00 ConfigDriftCleared late']);
  events.about(object);
  expect(told).toHaveLength(2);
});

test('what happens between two connections is told by the next one', () => {
  const { events, recorder, told } = setting();
  events.about(object);
  events.connect(recorder);
  events.connect(undefined);
  events.record('Warning', 'DiskFull', 'meanwhile');
  expect(told).toEqual([]);
  events.connect(recorder);
  expect(told).toEqual(['00:00:00 DiskFull meanwhile']);
});

test('only a few are kept, the newest, and each once', () => {
  const { events, recorder, told } = setting();
  for (let number = 0; number < 100; number++) {
    events.record('Warning', 'DiskFull', `${number}`);
    events.record('Warning', 'Unreachable', 'again and again');
  }
  events.about(object);
  events.connect(recorder);
  expect(told).toHaveLength(32);
  expect(told.at(-2)).toContain('DiskFull 99');
  expect(told.filter((line) => line.includes('again'))).toHaveLength(1);
});
