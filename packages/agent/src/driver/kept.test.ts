import { expect, test } from 'vitest';
import type { HostDeployment } from './driver.ts';
import { keptDeployments, rollbackDeployment } from './kept.ts';

function deployment(name: string, complete = true): HostDeployment {
  const applied = {
    version: 1 as const,
    deployment: name,
    config: name,
    image: 'i',
    kernelArguments: [],
    entries: [],
    units: [],
  };
  return {
    name,
    checksum: name,
    image: 'i',
    imageDigest: undefined,
    kernelArguments: [],
    applied,
    complete,
    root: '/',
  };
}

const [a, b, c] = ['a', 'b', 'c'].map((name) => deployment(name));
if (!a || !b || !c) throw new Error('three deployments');
const state = { bootId: 'now', probation: undefined, failed: [], booted: a };
const updateOf = (name: string, bootId: string) => ({
  ...{ deployment: name, config: name, image: 'i', bootId, live: false },
  units: { failed: [], settled: true },
});
const failed = [{ config: 'b', image: 'i', code: 'HEALTH_FAILED', message: '', time: '' }];

test.each([
  ['what ran before', { deployments: [a, b, c] }, 'b'],
  ['nothing where nothing else is', { deployments: [a] }, undefined],
  ['nothing in front of what runs', { deployments: [b, a] }, undefined],
  ['none that is half-made', { deployments: [a, deployment('b', false), c] }, 'c'],
  ['none that failed', { deployments: [a, b, c], failed }, 'c'],
  ['none that was taken back before it booted', { deployments: [a, b, c], probation: updateOf('b', 'now') }, 'c'],
  ['one that ran and was left', { deployments: [a, b, c], probation: updateOf('b', 'before') }, 'b'],
])('the way back is %s', (_, fields, name) => {
  expect(rollbackDeployment({ ...state, ...fields })?.name).toBe(name);
});

test('what runs, what comes next and the way back are kept', () => {
  expect(keptDeployments({ ...state, deployments: [c, a, b] }).map(({ name }) => name)).toEqual(['a', 'c', 'b']);
});

test('what somebody pinned is kept, wherever it stands', () => {
  const pinned = { ...c, pinned: true };
  const kept = keptDeployments({ ...state, deployments: [a, b, deployment('d'), pinned] });
  expect(kept.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});
