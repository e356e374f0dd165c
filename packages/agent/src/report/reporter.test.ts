import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '@varve/kube';
import { expect, test, vi } from 'vitest';
import type { HostState } from '../driver/driver.ts';
import { StatusReporter } from './reporter.ts';

/** A host that runs `config-1`. */
function updatedHost(): HostState {
  const booted: HostState['booted'] = {
    name: 'a.0',
    checksum: 'a',
    image: undefined,
    imageDigest: undefined,
    kernelArguments: [],
    applied: {
      version: 1,
      deployment: 'a.0',
      config: 'config-1',
      image: 'registry.example/os',
      kernelArguments: [],
      entries: [],
      units: [],
    },
    complete: true,
    root: '/a.0',
  };
  return {
    deployments: [booted],
    booted,
    bootId: 'boot',
    bootedKernelArguments: [],
    baseKernelArguments: [],
    staged: undefined,
    probation: undefined,
    failed: [],
    bootFellBack: false,
  };
}

test('an agent that has just started takes nothing back before it has looked at the host', async () => {
  const currents: unknown[] = [];
  const patch: KubeClient['patch'] = async (_definition, _name, operations) => {
    const [{ value }] = operations as unknown as [{ value: { configVersion: { current?: string } } }];
    currents.push(value.configVersion.current);
    return {} as never;
  };
  const reporter = new StatusReporter();
  const stop = new AbortController();
  const running = reporter.run({ patch }, 'host-1', () => undefined, stop.signal);
  reporter.adopt([]);
  await sleep(100);
  expect(currents).toEqual([]);
  reporter.update({ host: updatedHost(), verified: true });
  await expect.poll(() => currents).toEqual(['config-1']);
  stop.abort();
  await running;
});

test('a clock that is set back by years holds up no report', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const stop = new AbortController();
  try {
    const reporter = new StatusReporter();
    const written: unknown[] = [];
    const patch: KubeClient['patch'] = async (_definition, _name, operations) => {
      const [{ value }] = operations as unknown as [{ value: { update: { progress: { bytesDone: number } } } }];
      const { bytesDone } = value.update.progress;
      written.push(bytesDone);
      // News that comes while the last one is written waits for its second to pass.
      if (bytesDone === 1) reporter.update({ progress: { bytesDone: 2, bytesTotal: 2 } });
      return {} as never;
    };
    reporter.adopt([]);
    reporter.update({ host: updatedHost(), progress: { bytesDone: 1, bytesTotal: 2 } });
    const running = reporter.run({ patch }, 'host-1', () => undefined, stop.signal);
    await expect.poll(() => written).toEqual([1]);
    await sleep(100);
    vi.setSystemTime(new Date('1990-01-01'));
    await expect.poll(() => written, { timeout: 5_000 }).toEqual([1, 2]);
    stop.abort();
    await running;
  } finally {
    stop.abort();
    vi.useRealTimers();
  }
});
