import { logsRequestedAnnotation, type MachineConfigNode, maxLogLength } from '@varve/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LogRequests } from './log-request.ts';
import { RecentLog } from './recent-log.ts';
import type { View } from './view.ts';

function nodeThatAsks(requested?: string): MachineConfigNode {
  return {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigNode',
    metadata: { name: 'a', annotations: requested === undefined ? {} : { [logsRequestedAnnotation]: requested } },
    spec: { node: { name: 'a' }, pool: { name: '' }, configVersion: { desired: '' } },
  };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

test('a request is answered once, with what was logged until then', () => {
  const log = new RecentLog();
  const updates: Partial<View>[] = [];
  const requests = new LogRequests(log, (change) => updates.push(change));
  const { signal } = new AbortController();
  log.write('first\n');
  requests.accept(nodeThatAsks(), signal);
  expect(updates).toEqual([]);
  requests.accept(nodeThatAsks('1'), signal);
  log.write('second\n');
  requests.accept(nodeThatAsks('1'), signal);
  expect(updates).toEqual([{ logs: { requested: '1', text: 'first' } }]);
  requests.accept(nodeThatAsks('2'), signal);
  expect(updates.at(-1)).toEqual({ logs: { requested: '2', text: 'first\nsecond' } });
});

test('what is shown is bounded, whatever is logged and whoever asks', () => {
  const log = new RecentLog();
  for (let number = 0; number < 1000; number += 1) log.write(`${number} ${'x'.repeat(10_000)}\n`);
  const text = log.text(maxLogLength);
  expect(text.length).toBeLessThanOrEqual(maxLogLength);
  expect(text).toContain('999 x');
  expect(text).not.toContain('\n0 x');
  const updates: Partial<View>[] = [];
  const requests = new LogRequests(log, (change) => updates.push(change));
  requests.accept(nodeThatAsks('r'.repeat(100_000)), new AbortController().signal);
  expect(updates[0]?.logs?.requested).toHaveLength(256);
});
