import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HealthChecks, Node } from '@varve/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostState } from '../driver/driver.ts';
import type { FailedTarget } from '../health/failed-target.ts';
import { type CheckResult, failed, passed } from '../health/result.ts';
import { trustLocally } from '../helper/verify.ts';
import { statePaths } from '../state/paths.ts';
import { recordDeparture, type VerifyContext, verify } from './verify.ts';

const image = `registry.test/os@sha256:${'a'.repeat(64)}`;
const units = { failed: [], settled: true };
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-verify-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

/** A host that runs `config`; what is desired of it is `new`. */
function hostOf(config: string, change: Partial<HostState> = {}): HostState {
  const applied = { version: 1 as const, deployment: 'd', config, image, kernelArguments: [], entries: [], units: [] };
  const booted = {
    ...{ name: 'd', checksum: 'd', image, imageDigest: undefined, kernelArguments: [], applied },
    ...{ complete: true, root: '/d' },
  };
  return {
    ...{ deployments: [booted], booted, bootId: '2', bootedKernelArguments: [], baseKernelArguments: [] },
    ...{ staged: undefined, probation: undefined, failed: [], bootFellBack: false },
    ...change,
  };
}

const onProbation = hostOf('new', {
  probation: { deployment: 'd', config: 'new', image, bootId: '1', live: false, units },
});
const lost: FailedTarget = {
  ...{ config: 'new', image, code: 'HEALTH_FAILED', message: 'm', check: 'control-plane', time: '' },
};

class Setting {
  readonly done: string[] = [];
  readonly recorded: FailedTarget[] = [];
  readonly warnings: string[] = [];
  checks: readonly CheckResult[] = [];
  reached = true;
  node: Node | undefined;
  health: HealthChecks = {};

  context(host: HostState): VerifyContext {
    const note = (what: string) => async () => void this.done.push(what);
    const driver: VerifyContext['driver'] = {
      checkHealth: async () => this.checks,
      markGood: note('good'),
      forgetFailure: note('forgotten'),
      recordFailure: async (target: FailedTarget) => void this.recorded.push(target),
    };
    return {
      driver,
      paths: statePaths(directory),
      actual: { host, verified: false },
      desired: {
        ...trustLocally({ config: 'new', image, spec: {}, health: { deadlineSeconds: 1, ...this.health } }),
        ...{ uid: 'u', generation: 1 },
      },
      signal: new AbortController().signal,
      isReached: () => this.reached,
      readNode: async () => this.node,
      onWarning: ({ name }) => void this.warnings.push(name),
      onMessage: () => {},
    };
  }
}

describe('verify', () => {
  test('a healthy update is good, and warnings are told', async () => {
    const setting = new Setting();
    setting.checks = [passed('a'), failed('b', 'm', '', false)];
    await verify(setting.context(onProbation));
    expect([setting.done, setting.warnings, setting.recorded]).toEqual([['good'], ['b'], []]);
  });

  test('an update that fails a check is given up with its output', async () => {
    const setting = new Setting();
    setting.checks = [failed('db', 'ended with status 1', 'no space')];
    await expect(verify(setting.context(onProbation))).rejects.toMatchObject({ code: 'HEALTH_FAILED', check: 'db' });
    expect(setting.done).toEqual([]);
    expect(setting.recorded).toMatchObject([{ config: 'new', image, check: 'db', output: 'no space' }]);
  });

  test('a later boot that fails a check is told and nothing more', async () => {
    const setting = new Setting();
    setting.checks = [failed('db', 'm')];
    await expect(verify(setting.context(hostOf('new')))).rejects.toMatchObject({
      code: 'HEALTH_FAILED',
      failed: undefined,
    });
    expect(setting.recorded).toEqual([]);
  });
});

describe('the control plane', () => {
  test.each([
    { before: true, now: true, outcome: ['good'], recorded: [] },
    { before: false, now: false, outcome: ['good'], recorded: [] },
    { before: true, now: false, outcome: [], recorded: ['control-plane'] },
  ])('reached before: $before, after: $now', async ({ before, now, outcome, recorded }) => {
    const setting = new Setting();
    setting.reached = before;
    await recordDeparture(setting.context(onProbation));
    setting.reached = now;
    await verify(setting.context(onProbation)).catch(() => {});
    expect(setting.done).toEqual(outcome);
    expect(setting.recorded.map(({ check }) => check)).toEqual(recorded);
  });

  test('an update that missed it is forgiven when the deployment before misses it, too', async () => {
    const setting = new Setting();
    setting.reached = false;
    await verify(setting.context(hostOf('old', { failed: [lost] })));
    expect(setting.done).toEqual(['forgotten', 'good']);
  });

  test.each([
    ['the deployment before reaches it', true, lost],
    ['something else had failed', false, { ...lost, check: 'db' }],
  ])('and stays given up when %s', async (_name, reached, target) => {
    const setting = new Setting();
    setting.reached = reached;
    await verify(setting.context(hostOf('old', { failed: [target] })));
    expect(setting.done).toEqual(['good']);
  });
});

describe('the node of a cluster', () => {
  /** As a kubelet tells it. */
  const nodeOf = (bootID: string, ready: 'True' | 'False'): Node => ({
    ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'h' } },
    status: {
      conditions: [
        { type: 'MemoryPressure', status: 'False', reason: 'KubeletHasSufficientMemory' },
        { type: 'Ready', status: ready, reason: 'Kubelet', message: 'm' },
      ],
      nodeInfo: {
        ...{ bootID, machineID: '', systemUUID: '', kernelVersion: '', osImage: '', kubeletVersion: '' },
        ...{ containerRuntimeVersion: '', kubeProxyVersion: '', operatingSystem: '', architecture: '' },
      },
    },
  });

  test.each([
    { before: nodeOf('1', 'True'), after: nodeOf('2', 'True'), recorded: [] },
    { before: nodeOf('1', 'True'), after: nodeOf('2', 'False'), recorded: ['node-ready'] },
    { before: nodeOf('1', 'True'), after: nodeOf('1', 'True'), recorded: ['node-ready'] },
    { before: nodeOf('1', 'False'), after: nodeOf('2', 'False'), recorded: [] },
    { before: nodeOf('1', 'True'), after: undefined, recorded: [] },
    { before: undefined, after: nodeOf('2', 'False'), recorded: [] },
  ])('is ready again after an update if it was before: %#', async ({ before, after, recorded }) => {
    const setting = new Setting();
    setting.node = before;
    await recordDeparture(setting.context({ ...onProbation, bootId: '1' }));
    setting.node = after;
    await verify(setting.context(onProbation)).catch(() => {});
    expect(setting.recorded.map(({ check }) => check)).toEqual(recorded);
  });

  test('need not be where the pool says so', async () => {
    const setting = new Setting();
    setting.node = nodeOf('1', 'True');
    await recordDeparture(setting.context({ ...onProbation, bootId: '1' }));
    setting.health = { nodeReady: false };
    await verify(setting.context(onProbation));
    expect(setting.done).toEqual(['good']);
  });
});
