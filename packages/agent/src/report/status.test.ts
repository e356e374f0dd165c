import { machineConfigNodeResource, nodeConditionTypes, updateSteps } from '@varve/api';
import { describe, expect, test } from 'vitest';
import type { HostDeployment, HostState } from '../driver/driver.ts';
import { trustLocally } from '../helper/verify.ts';
import type { Desired } from '../reconcile/desired.ts';
import { isUpdated, reasonOf, statusOf } from './status.ts';
import { initialView, type View } from './view.ts';

const now = new Date('2026-01-01T00:00:00Z');
const later = new Date('2026-01-01T01:00:00Z');
const digest = `sha256:${'a'.repeat(64)}`;
const booted: HostDeployment = {
  ...{
    name: 'n',
    checksum: 'c',
    image: `r/os@${digest}`,
    imageDigest: digest,
    kernelArguments: ['rw'],
    complete: true,
    root: '/',
  },
  applied: {
    version: 1,
    deployment: 'n',
    config: 'one',
    image: `r/os@${digest}`,
    kernelArguments: ['rw'],
    entries: [],
    units: [],
  },
};
const host: HostState = {
  ...{
    deployments: [booted],
    booted,
    bootId: 'b',
    bootedKernelArguments: ['rw'],
    baseKernelArguments: ['rw'],
    staged: undefined,
    probation: undefined,
    failed: [],
    bootFellBack: false,
  },
};
const desired: Desired = { ...trustLocally({ config: 'one', image: undefined, spec: {} }), uid: 'u', generation: 3 };
const failure = {
  code: 'DISK_FULL',
  message: 'full',
  config: 'one',
  step: 'Staging' as const,
  time: now.toISOString(),
};

function conditions(view: View) {
  return new Map(statusOf(view, [], now).conditions?.map(({ type, status }) => [type, status]));
}

describe('statusOf', () => {
  test('tells drain and cordon as they were seen, and that they were not', () => {
    const told = { status: 'True', reason: 'Done', message: '' } as const;
    const view: View = { ...initialView, host, desired, step: 'Staged' };
    const seen = conditions({ ...view, drained: told, cordoned: { ...told, status: 'False' } });
    expect([seen.get('Drained'), seen.get('Cordoned')]).toEqual(['True', 'False']);
    expect(conditions(view).get('Drained')).toBe('Unknown');
    expect(conditions(view).get('Cordoned')).toBe('Unknown');
  });

  test('fits the schema of the kind, whatever the step', () => {
    for (const step of updateSteps) {
      const view: View = {
        ...initialView,
        host,
        desired,
        verified: true,
        step,
        failure,
        drift: [{ path: '/etc/a', kind: 'Mode', message: 'm' }],
      };
      const object = {
        apiVersion: 'a',
        kind: 'k',
        spec: { node: { name: 'h' }, pool: { name: 'p' }, configVersion: { desired: 'one' } },
      };
      const status = statusOf(view, [], now);
      expect(machineConfigNodeResource.schema.parse({ ...object, status })).toMatchObject({ status });
      expect(status.conditions?.map(({ type }) => type).sort()).toEqual([...nodeConditionTypes].sort());
    }
  });

  test('what was not verified after its boot does not count', () => {
    const view: View = { ...initialView, host, desired, step: 'Done' };
    expect(statusOf(view, [], now).configVersion).toEqual({ desired: 'one' });
    expect(isUpdated(view)).toBe(false);
    expect(statusOf({ ...view, verified: true }, [], now).configVersion).toEqual({ current: 'one', desired: 'one' });
  });

  test.each([
    ['Idle', 'False', 'False', 'False', 'False'],
    ['Staging', 'Unknown', 'False', 'False', 'False'],
    ['Staged', 'True', 'False', 'False', 'False'],
    ['Applying', 'True', 'Unknown', 'False', 'False'],
    ['Rebooting', 'True', 'True', 'Unknown', 'False'],
    ['Verifying', 'True', 'True', 'True', 'Unknown'],
    ['Done', 'True', 'True', 'True', 'True'],
  ] as const)('%s', (step, prepared, applied, rebooted, complete) => {
    const found = conditions({ ...initialView, host, desired, verified: true, step });
    const wanted = {
      UpdatePrepared: prepared,
      AppliedFilesAndOS: applied,
      RebootedNode: rebooted,
      UpdateComplete: complete,
    };
    for (const [type, status] of Object.entries(wanted)) expect([type, found.get(type)]).toEqual([type, status]);
    expect(found.get('Updated')).toBe(step === 'Done' ? 'True' : 'False');
  });

  test('a failed step stays unknown, and the node is degraded until it is over', () => {
    const found = conditions({ ...initialView, host, desired, step: 'Failed', failure, message: 'full' });
    expect([found.get('UpdatePrepared'), found.get('UpdateExecuted')]).toEqual(['Unknown', 'False']);
    expect(found.get('NodeDegraded')).toBe('True');
    const retried = conditions({ ...initialView, host, desired, step: 'Staging', failure });
    expect(retried.get('NodeDegraded')).toBe('True');
  });

  test('a transition time moves only with the status', () => {
    const view: View = { ...initialView, host, desired, verified: true, step: 'Done' };
    const before = statusOf(view, [], now).conditions ?? [];
    const after = statusOf(
      { ...view, drift: [{ path: '/etc/a', kind: 'Mode', message: 'm' }] },
      before,
      later,
    ).conditions;
    for (const { type, lastTransitionTime } of after ?? []) {
      expect([type, new Date(lastTransitionTime)]).toEqual([type, type === 'ConfigDrift' ? later : now]);
    }
  });
});

test('codes become reasons', () => {
  expect(reasonOf('DISK_FULL')).toBe('DiskFull');
});
