import { expect, test } from 'vitest';
import type { HostDeployment, HostState } from '../driver/driver.ts';
import {
  applyProblem,
  failureProblem,
  forgetProblem,
  nextBootProblem,
  rebootProblem,
  rollbackProblem,
  undoProblem,
} from './rules.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const image = `registry.test/os@${digest}`;

function deployment(name: string, config: string, complete = true): HostDeployment {
  return {
    ...{ name, checksum: '', image, imageDigest: digest, kernelArguments: [], complete, root: '' },
    applied: { version: 1, deployment: name, config, image, kernelArguments: [], entries: [], units: [] },
  };
}

/** `new` may be first, `now` runs, `old` lies behind it. */
function host(change: Partial<HostState> = {}): HostState {
  const booted = deployment('now', 'two');
  return {
    deployments: [deployment('new', 'three'), booted, deployment('old', 'one'), deployment('older', 'zero')],
    ...{ booted, bootId: '', bootedKernelArguments: [], baseKernelArguments: [], staged: undefined },
    ...{ probation: undefined, failed: [], bootFellBack: false },
    ...change,
  };
}

const probation = {
  ...{ deployment: 'now', config: 'two', image, bootId: '', live: false },
  units: { failed: [], settled: true },
};
const newest = { config: 'three', image, phase: 'Applied' as const };

test.each([
  ['what runs', 'now', host(), newest, true],
  ['what is signed now', 'new', host(), newest, true],
  ['what is signed now without an image', 'new', host(), { ...newest, image: undefined }, true],
  ['what is signed to be staged only', 'new', host(), { ...newest, phase: 'Staged' as const }, false],
  ['what is signed now with another image', 'new', host(), { ...newest, image: `x@sha256:${'b'.repeat(64)}` }, false],
  ['something before anything was signed', 'new', host(), undefined, false],
  ['what was there before, when what runs is proved', 'old', host(), newest, false],
  ['what was there before, when what runs is on probation', 'old', host({ probation }), newest, true],
  [
    'the same after a live apply, which is undone instead',
    'old',
    host({ probation: { ...probation, live: true } }),
    newest,
    false,
  ],
  ['what was there before that', 'older', host({ probation }), newest, false],
  ['what is not there', 'none', host({ probation }), newest, false],
  ['what is half made', 'new', host({ deployments: [deployment('new', 'three', false)] }), newest, false],
])('%s', (_name, name, state, signed, allowed) => {
  expect(nextBootProblem(state, name, signed) === undefined).toBe(allowed);
});

test('the way back is open while what runs has not proved itself', () => {
  expect(rollbackProblem(host({ probation }))).toBeUndefined();
  expect(rollbackProblem(host())).toContain('has proved itself');
});

test('only what was applied to the running host is taken back on it', () => {
  expect(undoProblem(host())).toBeUndefined();
  expect(undoProblem(host({ probation: { ...probation, live: true } }))).toBeUndefined();
  expect(undoProblem(host({ probation }))).toContain('two');
});

const otherImage = `registry.test/os@sha256:${'b'.repeat(64)}`;
const failure = { code: 'HEALTH_FAILED', message: '', time: '' };

test.each([
  ['something new', host(), newest, true],
  ['what is to be staged only', host(), { ...newest, phase: 'Staged' as const }, false],
  ['what runs', host(), { ...newest, config: 'two' }, false],
  ['another image with the config that runs', host(), { ...newest, config: 'two', image: otherImage }, true],
  ['what failed here', host({ failed: [{ ...failure, config: 'three', image }] }), newest, false],
  ['the next one, while what runs has not proved itself', host({ probation }), newest, false],
  ['the next one, while a live change has not', host({ probation: { ...probation, live: true } }), newest, false],
  [
    'the next one, while another waits for its boot',
    host({ probation: { ...probation, deployment: 'new' } }),
    newest,
    true,
  ],
])('%s', (_name, state, target, allowed) => {
  expect(applyProblem(state, target) === undefined).toBe(allowed);
});

test('a boot is begun only into something else', () => {
  expect(rebootProblem(host())).toBeUndefined();
  const booted = deployment('now', 'two');
  expect(rebootProblem(host({ deployments: [booted, deployment('old', 'one')] }))).toContain('would boot again');
});

test('only what was being tried has failed: the way back cannot be declared bad', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const tried = { config: 'two', image };
  expect(failureProblem(host({ probation }), tried, now)).toBeUndefined();
  expect(failureProblem(host({ probation }), { config: 'one', image }, now)).toContain('one');
  expect(failureProblem(host({ probation }), { config: 'two', image: otherImage }, now)).toBeDefined();
  expect(failureProblem(host(), tried, now)).toBeDefined();
  // The boot loader gave up what comes first.
  expect(failureProblem(host({ bootFellBack: true }), { config: 'three', image }, now)).toBeUndefined();
});

test('only what may have been the fault of the network is forgotten', () => {
  const failed = [
    { ...failure, config: 'a', image, check: 'control-plane' },
    { ...failure, config: 'b', image, check: 'db' },
    { ...failure, config: 'c', image },
  ];
  expect(['a', 'b', 'c', 'd'].map((config) => forgetProblem({ failed }, { config, image }) === undefined)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
