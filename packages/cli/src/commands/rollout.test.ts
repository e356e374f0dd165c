import type { MachineConfigNode, MachineConfigPool } from '@varve/api';
import { describe, expect, it } from 'vitest';
import { changesBetween, summarize } from './rollout.ts';

const apiVersion = 'machineconfiguration.openshift.io/v1';
const lastTransitionTime = '2026-01-01T00:00:00Z';

function poolWith(updated: 'True' | 'False', generation = 1): MachineConfigPool {
  return {
    apiVersion,
    kind: 'MachineConfigPool',
    metadata: { name: 'worker', generation },
    spec: { configuration: { name: 'rendered-worker-b' } },
    status: {
      observedGeneration: 1,
      configuration: { name: updated === 'True' ? 'rendered-worker-b' : 'rendered-worker-a' },
      machineCount: 2,
      updatedMachineCount: updated === 'True' ? 2 : 1,
      conditions: [{ type: 'Updated', status: updated, reason: '', message: '', lastTransitionTime }],
    },
  };
}

function nodeAt(name: string, step: 'Staging' | 'Rebooting' | 'Done', message = ''): MachineConfigNode {
  return {
    apiVersion,
    kind: 'MachineConfigNode',
    metadata: { name },
    spec: { node: { name }, pool: { name: 'worker' }, configVersion: { desired: 'rendered-worker-b' } },
    status: { update: { step, message, progress: { bytesDone: 1_500_000, bytesTotal: 3_000_000 } } },
  };
}

describe('summarize', () => {
  it('orders hosts by number and leaves out those of other pools', () => {
    const stranger = nodeAt('host-1', 'Done');
    stranger.spec.pool.name = 'master';
    const status = summarize(poolWith('False'), [nodeAt('host-10', 'Done'), nodeAt('host-9', 'Done'), stranger]);
    expect(status.nodes.map(({ node }) => node)).toEqual(['host-9', 'host-10']);
  });

  it('is not updated before the controllers have seen the pool as it is', () => {
    expect(summarize(poolWith('True', 2), []).updated).toBe(false);
    expect(summarize(poolWith('True', 1), []).updated).toBe(true);
  });

  it('shows bytes while a host stages, and the failure when it is degraded', () => {
    const failed = nodeAt('host-2', 'Staging');
    failed.status = {
      conditions: [{ type: 'NodeDegraded', status: 'True', reason: 'DISK_FULL', message: '', lastTransitionTime }],
      update: {
        step: 'Failed',
        lastFailure: { code: 'DISK_FULL', message: '/sysroot is full', time: lastTransitionTime },
      },
    };
    const { nodes } = summarize(poolWith('False'), [nodeAt('host-1', 'Staging'), failed]);
    expect(nodes.map(({ message }) => message)).toEqual(['1.5 MB of 3.0 MB', 'DISK_FULL: /sysroot is full']);
  });
});

describe('changesBetween', () => {
  it('says a step once and every change of the count', () => {
    const first = summarize(poolWith('False'), [nodeAt('host-1', 'Rebooting', 'reboots')]);
    const second = summarize(poolWith('True'), [nodeAt('host-1', 'Done')]);
    expect(changesBetween(undefined, first)).toEqual(['target: rendered-worker-b', 'host-1  Rebooting  reboots']);
    expect(changesBetween(first, first)).toEqual([]);
    expect(changesBetween(first, second)).toEqual(['host-1  Done', '2 of 2 hosts updated']);
  });
});
