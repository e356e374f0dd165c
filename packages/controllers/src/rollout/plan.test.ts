import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drainStates, withRecord } from '../drain/record.ts';
import { Fleet, type Host, setReady, targetOf } from './fleet.ts';
import { countOf } from './plan.ts';

describe('countOf', () => {
  it.each<[number | string | undefined, number, number]>([
    [undefined, 10, 1],
    [0, 10, 1],
    [3, 10, 3],
    ['10%', 25, 2],
    ['10%', 9, 1],
    ['100%', 7, 7],
    ['0%', 7, 1],
    ['x', 7, 1],
  ])('%s of %i hosts is %i', (value, total, expected) => expect(countOf(value, total)).toBe(expected));
});

type Event =
  | { kind: 'plan' | 'apply' | 'pass' }
  | { kind: 'look' | 'report' | 'turn' | 'ready' | 'cordon'; host: number }
  | { kind: 'act'; host: number; outcome: 'success' | 'failure' }
  | { kind: 'target'; version: number }
  | { kind: 'pause'; paused: boolean };

const host = fc.nat({ max: 5 });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<Event>({ kind: 'plan' }, { kind: 'apply' }, { kind: 'apply' }, { kind: 'apply' }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('look' as const), host }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('act' as const),
      host,
      outcome: fc.constantFrom('success' as const, 'success' as const, 'failure' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('ready' as const, 'cordon' as const), host }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('target' as const), version: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }) },
);
const scenario = fc.record({
  size: fc.integer({ min: 1, max: 6 }),
  maxUnavailable: fc.oneof(fc.nat({ max: 4 }), fc.constantFrom('10%', '25%', '50%')),
  events: fc.array(event, { minLength: 20, maxLength: 300 }),
});
const options = { numRuns: 500 };

function hostAt(fleet: Fleet, index: number): Host {
  const hosts = [...fleet.hosts.values()];
  const found = hosts[index % hosts.length];
  if (!found) throw new Error('the fleet is empty');
  return found;
}

function perform(fleet: Fleet, event: Event): void {
  switch (event.kind) {
    case 'plan':
      checkPlan(fleet);
      break;
    case 'apply':
      fleet.applyNext();
      break;
    case 'pass':
      checkPlan(fleet);
      while (fleet.applyNext());
      break;
    case 'look':
      fleet.look(hostAt(fleet, event.host));
      break;
    case 'report':
      fleet.report(hostAt(fleet, event.host));
      break;
    case 'turn':
      fleet.turn(hostAt(fleet, event.host), 'success');
      break;
    case 'act':
      fleet.act(hostAt(fleet, event.host), event.outcome);
      break;
    case 'ready':
    case 'cordon':
      disturb(hostAt(fleet, event.host), event.kind);
      break;
    case 'target':
      fleet.target = targetOf(event.version);
      break;
    case 'pause':
      fleet.pool = { ...fleet.pool, spec: { ...fleet.pool.spec, paused: event.paused } };
      break;
  }
}

function disturb(host: Host, kind: 'ready' | 'cordon'): void {
  const ready = host.node.status?.conditions?.[0]?.status === 'True';
  host.node =
    kind === 'ready'
      ? setReady(host.node, !ready)
      : { ...host.node, spec: { unschedulable: host.node.spec?.unschedulable !== true } };
}

/** What must be true of every single plan. */
function checkPlan(fleet: Fleet): void {
  const plan = fleet.plan();
  const granted = plan.steps.filter((step) => step.kind === 'GrantSlot').map((step) => step.node);
  const unavailable = new Set(plan.unavailable);
  expect(unavailable.size).toBe(plan.unavailable.length);
  if (granted.length > 0) {
    expect(plan.paused).toBe(false);
    const holders = plan.standings.filter((standing) => standing.holdsSlot).length;
    expect(holders + granted.length).toBeLessThanOrEqual(plan.maxUnavailable);
    const added = granted.filter((name) => !unavailable.has(name));
    if (added.length > 0) expect(unavailable.size + added.length).toBeLessThanOrEqual(plan.maxUnavailable);
  }
  for (const name of granted) {
    const state = fleet.hosts.get(name)?.state;
    expect(state?.status?.update?.staged).toBe(fleet.target.config);
    expect(fleet.hosts.get(name)?.node.spec?.unschedulable).not.toBe(true);
  }
  for (const [name, { state, node }] of fleet.hosts) {
    const healthy = node.status?.conditions?.[0]?.status === 'True' && state.status?.conditions?.[0]?.status !== 'True';
    const reached = state.status?.configVersion?.current === state.spec.configVersion.desired;
    if (state.spec.update?.phase === 'Applied' && !(reached && healthy)) expect(unavailable.has(name)).toBe(true);
  }
}

describe('a rollout', () => {
  it('never has more hosts down than allowed, whatever fails, crashes or changes in between', () => {
    fc.assert(
      fc.property(scenario, ({ size, maxUnavailable, events }) => {
        const fleet = new Fleet(size, maxUnavailable);
        for (const event of events) {
          perform(fleet, event);
          expect(fleet.disrupted).toBeLessThanOrEqual(countOf(maxUnavailable, size));
        }
      }),
      options,
    );
  });

  it('revokes every approval that was not used when the target changes', () => {
    fc.assert(
      fc.property(scenario, ({ size, maxUnavailable, events }) => {
        const fleet = new Fleet(size, maxUnavailable);
        for (const event of events) perform(fleet, event);
        fleet.target = targetOf(9);
        fleet.plan();
        while (fleet.applyNext());
        for (const { state } of fleet.hosts.values()) {
          const busy = ['Applying', 'Rebooting', 'Verifying'].includes(state.status?.update?.step ?? '');
          if (!busy)
            expect(state.spec).toMatchObject({
              configVersion: { desired: targetOf(9).config },
              update: { phase: 'Staged' },
            });
        }
      }),
      options,
    );
  });

  it('finishes once the faults are gone', () => {
    fc.assert(
      fc.property(scenario, ({ size, maxUnavailable, events }) => {
        const fleet = new Fleet(size, maxUnavailable);
        for (const event of events) perform(fleet, event);
        fleet.pool = { ...fleet.pool, spec: { maxUnavailable } };
        for (const host of fleet.hosts.values()) host.node = setReady({ ...host.node, spec: {} }, true);
        for (let round = 0; round < 20 * (size + 2); round++) {
          checkPlan(fleet);
          while (fleet.applyNext());
          for (const host of fleet.hosts.values()) {
            fleet.turn(host, 'success');
          }
        }
        for (const { state } of fleet.hosts.values()) {
          expect(state.status?.configVersion?.current).toBe(fleet.target.config);
        }
        expect(fleet.plan().steps).toEqual([]);
      }),
      options,
    );
  });
});

/** Brings every host of a fleet to having staged the target. */
function stagedFleet(size: number, maxUnavailable: number): Fleet {
  const fleet = new Fleet(size, maxUnavailable);
  fleet.plan();
  while (fleet.applyNext());
  for (const host of fleet.hosts.values()) {
    fleet.turn(host, 'success');
  }
  return fleet;
}

function grantedBy(fleet: Fleet): string[] {
  return fleet
    .plan()
    .steps.filter((step) => step.kind === 'GrantSlot')
    .map((step) => step.node);
}

describe('a new target', () => {
  it('lets a host finish that has begun to apply the old one, and counts it until then', () => {
    const fleet = stagedFleet(2, 1);
    fleet.plan();
    fleet.applyNext();
    const first = hostAt(fleet, 0);
    fleet.turn(first, 'success');
    fleet.target = targetOf(2);
    const plan = fleet.plan();
    expect(plan.steps.map((step) => step.node)).toEqual(['n1']);
    expect(plan.unavailable).toEqual(['n0']);
  });

  it('keeps the slot of a host that may have begun unseen, until its agent has observed the end of the approval', () => {
    const fleet = stagedFleet(2, 1);
    fleet.plan();
    fleet.applyNext();
    const [first, second] = [hostAt(fleet, 0), hostAt(fleet, 1)];
    fleet.look(first);
    fleet.act(first, 'success');
    for (let round = 0; round < 6; round++) {
      fleet.target = targetOf(round < 3 ? 2 : 3);
      fleet.plan();
      while (fleet.applyNext());
      fleet.turn(second, 'success');
    }
    expect(first.state.spec.update).toEqual({ phase: 'Staged', revoked: true });
    expect(fleet.disrupted).toBe(1);
    expect(fleet.plan()).toMatchObject({ unavailable: ['n0'], waiting: ['n1'], steps: [] });
    for (let step = 0; step < 3; step++) fleet.act(first, 'success');
    fleet.look(first);
    fleet.report(first);
    expect(grantedBy(fleet)).toEqual(['n1']);
  });

  it('is not written over a report that the plan did not know', () => {
    const fleet = stagedFleet(1, 1);
    const only = hostAt(fleet, 0);
    fleet.plan();
    fleet.applyNext();
    fleet.target = targetOf(2);
    fleet.plan();
    fleet.turn(only, 'success');
    expect(fleet.applyNext()).toBe(false);
    expect(only.state.spec.configVersion.desired).toBe(targetOf(1).config);
  });
});

describe('slots', () => {
  it('are not taken by a host that cannot stage', () => {
    const fleet = new Fleet(3, 1);
    fleet.plan();
    while (fleet.applyNext());
    for (const index of [0, 1]) {
      fleet.turn(hostAt(fleet, index), index === 0 ? 'failure' : 'success');
    }
    expect(grantedBy(fleet)).toEqual(['n1']);
  });

  it('stay with a host that fails to apply, so that a bad image stops there', () => {
    const fleet = stagedFleet(3, 1);
    fleet.plan();
    fleet.applyNext();
    const first = hostAt(fleet, 0);
    for (let step = 0; step < 4; step++) {
      fleet.turn(first, 'failure');
    }
    expect(first.state.status?.update?.step).toBe('Failed');
    const plan = fleet.plan();
    expect(plan.steps).toEqual([]);
    expect(plan.waiting).toEqual(['n1', 'n2']);
  });

  it('count a host once that is broken in several ways', () => {
    const fleet = stagedFleet(4, 2);
    const broken = hostAt(fleet, 0);
    broken.node = { ...setReady(broken.node, false), spec: { unschedulable: true } };
    expect(fleet.plan().unavailable).toEqual(['n0']);
    expect(grantedBy(fleet)).toEqual(['n1']);
  });

  it('go first to a host that is not Ready, whose repair the target may be', () => {
    const fleet = stagedFleet(3, 1);
    const broken = hostAt(fleet, 2);
    broken.node = setReady(broken.node, false);
    expect(grantedBy(fleet)).toEqual(['n2']);
  });

  it('are never given to a cordoned host', () => {
    const fleet = stagedFleet(1, 1);
    const only = hostAt(fleet, 0);
    only.node = { ...only.node, spec: { unschedulable: true } };
    expect(grantedBy(fleet)).toEqual([]);
  });

  it('go zone by zone, the oldest first', () => {
    const fleet = stagedFleet(4, 4);
    const places = [
      ['b', '1'],
      ['a', '2'],
      [undefined, '0'],
      ['a', '1'],
    ] as const;
    for (const [index, [zone, time]] of places.entries()) {
      const host = hostAt(fleet, index);
      const labels: Record<string, string> = zone ? { 'topology.kubernetes.io/zone': zone } : {};
      host.node = { ...host.node, metadata: { ...host.node.metadata, labels, creationTimestamp: time } };
    }
    expect(grantedBy(fleet)).toEqual(['n3', 'n1', 'n0', 'n2']);
  });

  it('are not given while the pool is paused, but hosts still stage', () => {
    const fleet = stagedFleet(2, 1);
    fleet.pool = { ...fleet.pool, spec: { maxUnavailable: 1, paused: true } };
    expect(grantedBy(fleet)).toEqual([]);
    fleet.target = targetOf(2);
    expect(fleet.plan().steps.map((step) => step.kind)).toEqual(['Aim', 'Aim']);
  });

  it('go to others while a host cannot be drained, and to it last when another try is due', () => {
    const fleet = stagedFleet(3, 1);
    const held = hostAt(fleet, 0);
    const seen = drainStates.map((state) => {
      held.state = withRecord(held.state, { state, config: fleet.target.config, guard: 'it', since: '' });
      const plan = fleet.plan();
      return [state, grantedBy(fleet)[0], plan.waiting.includes('n0')];
    });
    expect(seen).toEqual([
      ['Draining', 'n0', false],
      ['Blocked', 'n1', false],
      ['TimedOut', 'n1', false],
      ['Again', 'n1', true],
    ]);
    held.state = withRecord(held.state, { state: 'Blocked', config: 'rendered-web-0', guard: 'it', since: '' });
    expect(grantedBy(fleet)).toEqual(['n0']);
  });

  it('are taken back from a host that is being drained when the pool is paused', () => {
    const fleet = stagedFleet(2, 1);
    fleet.drains = true;
    fleet.plan();
    fleet.applyNext();
    fleet.pool = { ...fleet.pool, spec: { maxUnavailable: 1, paused: true } };
    expect(fleet.plan().steps).toMatchObject([{ kind: 'Withdraw', node: 'n0' }]);
    fleet.applyNext();
    expect(hostAt(fleet, 0).state.spec.update).toEqual({ phase: 'Staged' });
    expect(fleet.plan()).toMatchObject({ steps: [], unavailable: [] });
  });
});
