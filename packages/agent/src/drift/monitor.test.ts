import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostOutline } from '../driver/driver.ts';
import { monitorDrift, type WatchDirectory } from './monitor.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-monitor-'));
  await mkdir(join(root, 'etc/app'), { recursive: true });
});
afterEach(async () => await rm(root, { recursive: true }));

/** A host that manages a file in a directory that is there, and one in a directory that is not. */
function hostOf(): HostOutline {
  const file = (path: string) => ({ kind: 'file' as const, path, uid: 0, gid: 0, mode: 0o644, size: 0 });
  const applied = { image: 'i', entries: [file('/etc/app/a'), file('/etc/gone/b')], units: [] };
  const booted = {
    ...{ name: 'd', checksum: 'd', image: 'i', imageDigest: undefined, kernelArguments: [], applied },
    ...{ complete: true, root },
  };
  return {
    ...{ deployments: [booted], booted, bootId: 'b', bootedKernelArguments: [], baseKernelArguments: [] },
    ...{ staged: undefined, probation: undefined, failed: [], bootFellBack: false },
  };
}

/** How long the monitor waits for an event after its first check, in minutes. */
async function firstWait(watch: WatchDirectory, interval?: number): Promise<number> {
  const stop = new AbortController();
  const waits: number[] = [];
  const unexpected = (error: unknown) => {
    throw error;
  };
  await monitorDrift(
    {
      host: async () => hostOf(),
      check: async () => [],
      glance: async () => [],
      onGlance: unexpected,
      onDrift: unexpected,
      onError: unexpected,
      watch,
      wait: async (_event, milliseconds) => {
        waits.push(milliseconds);
        stop.abort();
      },
      ...(interval === undefined ? {} : { interval }),
    },
    stop.signal,
  );
  return (waits[0] ?? 0) / 60_000;
}

function refuses(code: string): WatchDirectory {
  return (directory) => {
    if (directory.endsWith('/etc/app')) throw Object.assign(new Error(code), { code });
    return { close: () => {} };
  };
}

test.each([
  ['EACCES', 'which the agent may not read', 5],
  ['ENOSPC', 'beyond the limit of watches', 5],
  ['ENOENT', 'that went away meanwhile, and is watched through its parent', 60],
])('a directory that cannot be watched (%s), %s, is looked at every %d minutes', async (code, _why, minutes) => {
  expect(await firstWait(refuses(code))).toBe(minutes);
});

test('where all is watched, a look an hour is enough', async () => {
  const watched: string[] = [];
  const wait = await firstWait((directory) => {
    watched.push(directory.slice(root.length));
    return { close: () => {} };
  });
  expect(wait).toBe(60);
  expect(watched).toEqual(expect.arrayContaining(['/etc', '/etc/app']));
});

test('an interval that is shorter stays as it is', async () => {
  expect(await firstWait(refuses('EACCES'), 60_000)).toBe(1);
});

test('a glance that fails is told, and the full check follows', async () => {
  const stop = new AbortController();
  const told: unknown[] = [];
  let checks = 0;
  await monitorDrift(
    {
      host: async () => hostOf(),
      check: async () => {
        checks += 1;
        if (checks === 2) stop.abort();
        return [];
      },
      glance: async () => {
        throw new Error('cannot look');
      },
      onGlance: () => {},
      onDrift: () => {},
      onError: (error) => told.push(error),
      watch: (directory, onEvent) => {
        if (directory.endsWith('/etc/app')) onEvent('a');
        return { close: () => {} };
      },
      wait: async () => {},
    },
    stop.signal,
  );
  expect(told[0]).toEqual(new Error('cannot look'));
  expect(checks).toBe(2);
});
