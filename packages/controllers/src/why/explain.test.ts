import { expect, it } from 'vitest';
import { withRecord } from '../drain/record.ts';
import { Fleet, setReady, targetOf } from '../rollout/fleet.ts';
import { type Explanation, explainNode } from './explain.ts';

function explain(fleet: Fleet, name: string): Explanation {
  return explainNode(name, { pool: fleet.pool, target: fleet.target, members: fleet.members() });
}

function pass(fleet: Fleet): void {
  fleet.plan();
  while (fleet.applyNext());
}

function grants(fleet: Fleet): string[] {
  const steps = fleet.plan().steps.filter(({ kind }) => kind === 'GrantSlot');
  return steps.map(({ node }) => node);
}

function act(fleet: Fleet, name: string, outcome: 'success' | 'failure' = 'success', times = 1): void {
  const host = fleet.hosts.get(name);
  for (let time = 0; host && time < times; time++) {
    fleet.turn(host, outcome);
  }
}

it('follows a host through a rollout', () => {
  const fleet = new Fleet(2, 1);
  const seen: string[] = [];
  const note = () => seen.push(explain(fleet, 'n0').reason);
  note();
  pass(fleet);
  note();
  act(fleet, 'n0');
  note();
  pass(fleet);
  note();
  act(fleet, 'n0', 'success', 4);
  note();
  expect(seen).toEqual(['Pending', 'Staging', 'Pending', 'Applying', 'Updated']);
  expect(explain(fleet, 'n0').updated).toBe(true);
});

it('names the host that holds the slot, and why it keeps it', () => {
  const fleet = new Fleet(2, 1);
  pass(fleet);
  act(fleet, 'n0');
  act(fleet, 'n1');
  pass(fleet);
  act(fleet, 'n0', 'failure', 4);
  expect(explain(fleet, 'n0')).toMatchObject({
    reason: 'Failed',
    answer: expect.stringContaining('BROKEN: it is broken; it keeps its slot'),
  });
  expect(explain(fleet, 'n1')).toMatchObject({
    reason: 'WaitingForSlot',
    answer: expect.stringContaining('1 of at most 1 hosts are unavailable (n0)'),
    advice: expect.stringContaining('n0 holds its slot because it fails: BROKEN'),
  });
  fleet.target = targetOf(2);
  expect(['n0', 'n1'].map((name) => explain(fleet, name).reason)).toEqual(['Pending', 'Pending']);
});

it('says what a failed health check wrote, and that the host went back for good', () => {
  const fleet = new Fleet(2, 1);
  pass(fleet);
  act(fleet, 'n0');
  act(fleet, 'n1');
  pass(fleet);
  act(fleet, 'n0', 'failure', 4);
  const host = fleet.hosts.get('n0');
  if (!host) throw new Error('no n0');
  const lastFailure = {
    ...{ code: 'HEALTH_FAILED', message: 'check db ended with status 1', config: 'rendered-web-1' },
    ...{ step: 'Verifying' as const, time: '', check: 'db', output: 'no database', final: true },
  };
  const { status } = host.state;
  host.state = {
    ...host.state,
    status: {
      ...status,
      configVersion: { current: 'rendered-web-0' },
      update: { ...status?.update, lastFailure },
    },
  };
  expect(explain(fleet, 'n0')).toMatchObject({
    reason: 'Failed',
    answer: expect.stringMatching(/HEALTH_FAILED: check db .*; it runs rendered-web-0 again .* stops at it$/),
    output: 'no database',
  });
  expect(explain(fleet, 'n1').reason).toBe('WaitingForSlot');
  // A host that remembers the failure from before is given no slot to waste.
  host.state = { ...host.state, spec: { ...host.state.spec, update: { phase: 'Staged' } } };
  expect(grants(fleet)).toEqual(['n1']);
});

it('tells a failed stage, a cordon, a pause and a silent host apart', () => {
  const fleet = new Fleet(2, 1);
  pass(fleet);
  act(fleet, 'n0', 'failure');
  expect(explain(fleet, 'n0')).toMatchObject({
    reason: 'Failed',
    answer: expect.stringContaining('it runs what it ran'),
  });
  const host = fleet.hosts.get('n1');
  if (!host) throw new Error('no n1');
  host.node = setReady(host.node, false);
  expect(explain(fleet, 'n1').reason).toBe('NotReady');
  host.node = { ...setReady(host.node, true), spec: { unschedulable: true } };
  act(fleet, 'n1');
  expect(explain(fleet, 'n1')).toMatchObject({ reason: 'Cordoned', advice: 'kubectl uncordon n1' });
  host.node = { ...host.node, spec: {} };
  fleet.pool = { ...fleet.pool, spec: { ...fleet.pool.spec, paused: true } };
  expect(explain(fleet, 'n1').reason).toBe('Paused');
});

it('says that a host finishes an earlier target first', () => {
  const fleet = new Fleet(1, 1);
  pass(fleet);
  act(fleet, 'n0');
  pass(fleet);
  act(fleet, 'n0');
  fleet.target = targetOf(2);
  expect(explain(fleet, 'n0')).toMatchObject({
    reason: 'FinishingEarlierTarget',
    answer: expect.stringContaining('rendered-web-1 first'),
  });
});

it('speaks of the pool where the pool is the cause', () => {
  const fleet = new Fleet(1, 1);
  expect(explain(fleet, 'other').reason).toBe('NoPool');
  expect(explainNode('n0', { pool: fleet.pool, target: undefined, members: fleet.members() }).reason).toBe('NoTarget');
  const condition = {
    type: 'RenderDegraded',
    status: 'True',
    reason: 'X',
    message: 'MachineConfig bad: wrong',
    lastTransitionTime: '',
  } as const;
  const pool = { ...fleet.pool, status: { conditions: [condition] } };
  expect(explainNode('n0', { pool, target: undefined, members: fleet.members() })).toMatchObject({
    reason: 'RenderDegraded',
    answer: expect.stringContaining('MachineConfig bad: wrong'),
  });
});

it('names what holds the drain of a host', () => {
  const fleet = new Fleet(2, 1);
  fleet.drains = true;
  pass(fleet);
  act(fleet, 'n0');
  act(fleet, 'n1');
  pass(fleet);
  expect(explain(fleet, 'n0')).toMatchObject({ reason: 'Draining', answer: expect.stringContaining('cordoned') });
  const host = fleet.hosts.get('n0');
  if (!host) throw new Error('no n0');
  const seen = (['Draining', 'Blocked', 'TimedOut'] as const).map((state) => {
    const record = { state, config: 'rendered-web-1', guard: 'PodDisruptionBudget shop/web', since: '' };
    const { update: _granted, ...spec } = host.state.spec;
    const given =
      state === 'Draining' ? host.state : { ...host.state, spec: { ...spec, update: { phase: 'Staged' as const } } };
    host.state = withRecord(given, record);
    return explain(fleet, 'n0');
  });
  expect(seen.map(({ reason }) => reason)).toEqual(['Draining', 'DrainBlocked', 'DrainTimedOut']);
  for (const { answer, advice } of seen) {
    expect(answer).toContain('PodDisruptionBudget shop/web');
    expect(advice).not.toBe('');
  }
  expect(grants(fleet)).toEqual(['n1']);
});
