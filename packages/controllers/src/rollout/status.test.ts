import { expect, it } from 'vitest';
import { Fleet, setReady, targetOf } from './fleet.ts';
import { planRollout } from './plan.ts';
import { poolStatus } from './status.ts';

const now = new Date('2026-06-01T12:00:00Z');

function run(fleet: Fleet, rounds: number, failing: readonly string[] = []): void {
  for (let round = 0; round < rounds; round++) {
    fleet.plan();
    while (fleet.applyNext());
    for (const [name, host] of fleet.hosts) {
      fleet.turn(host, failing.includes(name) ? 'failure' : 'success');
    }
  }
}

function statusOf(fleet: Fleet) {
  const pool = { ...fleet.pool, spec: { ...fleet.pool.spec, configuration: { name: fleet.target.config } } };
  const status = poolStatus(pool, planRollout(pool, fleet.target, fleet.members()), now);
  const conditions = new Map(status.conditions?.map((condition) => [condition.type, condition]));
  return { status, conditions };
}

it('is Updated, with the configuration moved on, only when every host is there and healthy', () => {
  const fleet = new Fleet(3, 1);
  run(fleet, 3);
  expect(statusOf(fleet).status).toMatchObject({ machineCount: 3, updatedMachineCount: 0, unavailableMachineCount: 1 });
  expect(statusOf(fleet).conditions.get('Updating')).toMatchObject({ status: 'True', reason: 'WaitingForSlots' });
  expect(statusOf(fleet).status.configuration).toBeUndefined();
  run(fleet, 40);
  const done = statusOf(fleet);
  expect(done.status).toMatchObject({
    updatedMachineCount: 3,
    readyMachineCount: 3,
    configuration: { name: targetOf(1).config },
  });
  expect(done.conditions.get('Updated')).toMatchObject({
    status: 'True',
    message: 'all 3 hosts are on rendered-web-1',
  });
  expect(done.conditions.get('Updating')?.status).toBe('False');
});

it('is Updated only when no host is cordoned for its drain any more', () => {
  const fleet = new Fleet(2, 1);
  fleet.drains = true;
  run(fleet, 2);
  for (let round = 0; round < 30; round++) {
    for (const host of fleet.hosts.values()) fleet.drain(host, 'all');
    run(fleet, 1);
    if (statusOf(fleet).status.updatedMachineCount === 2) break;
  }
  const last = statusOf(fleet);
  expect(last.status.updatedMachineCount).toBe(2);
  expect(last.conditions.get('Updated')).toMatchObject({
    status: 'False',
    message: expect.stringContaining('still cordoned for their drain: n1'),
  });
  for (const host of fleet.hosts.values()) fleet.drain(host, 'all');
  expect(statusOf(fleet).conditions.get('Updated')?.status).toBe('True');
});

it('stays Updated when a person cordons a host, and does not when one is not Ready', () => {
  const fleet = new Fleet(2, 1);
  run(fleet, 30);
  const [first] = fleet.hosts.values();
  if (!first) throw new Error('empty fleet');
  first.node = { ...first.node, spec: { unschedulable: true } };
  expect(statusOf(fleet).conditions.get('Updated')?.status).toBe('True');
  expect(statusOf(fleet).status).toMatchObject({ readyMachineCount: 1, unavailableMachineCount: 1 });
  first.node = setReady(first.node, false);
  expect(statusOf(fleet).conditions.get('Updated')).toMatchObject({
    status: 'False',
    reason: 'HostsNotHealthy',
    message: expect.stringContaining('not healthy on it: n0'),
  });
});

it('names the hosts that fail, with code and cause', () => {
  const fleet = new Fleet(2, 1);
  run(fleet, 6, ['n1']);
  const { conditions } = statusOf(fleet);
  for (const type of ['Degraded', 'NodeDegraded']) {
    expect(conditions.get(type)).toMatchObject({
      status: 'True',
      message: expect.stringMatching(/n1: BROKEN while Staging: it is broken/),
    });
  }
});

it('is Degraded with the words of a failed render, and keeps what others wrote', () => {
  const fleet = new Fleet(1, 1);
  const render = {
    type: 'RenderDegraded',
    status: 'True',
    reason: 'CONFIG_INVALID',
    message: 'bad',
    lastTransitionTime: '',
  } as const;
  const resolvedImages = [{ reference: 'r', digest: 'd', resolvedAt: '' }];
  fleet.pool = { ...fleet.pool, status: { conditions: [render], resolvedImages } };
  const { status, conditions } = statusOf(fleet);
  expect(conditions.get('Degraded')).toMatchObject({ status: 'True', reason: 'CONFIG_INVALID', message: 'bad' });
  expect(conditions.get('RenderDegraded')).toEqual(render);
  expect(status.resolvedImages).toEqual(resolvedImages);
});

it('gives the same status for the same facts', () => {
  const fleet = new Fleet(3, 1);
  run(fleet, 5);
  const first = statusOf(fleet).status;
  fleet.pool = { ...fleet.pool, status: first };
  expect(poolStatus(fleet.pool, planRollout(fleet.pool, fleet.target, fleet.members()), new Date()).conditions).toEqual(
    first.conditions,
  );
});
