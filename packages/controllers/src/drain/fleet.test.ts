// Rollouts with drains: the rollout and the drain controller's decisions together, in any order of events.
import { cordonedAnnotation } from '@varve/api';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fleet, type Host, targetOf } from '../rollout/fleet.ts';
import { countOf } from '../rollout/plan.ts';

type Event =
  | { kind: 'pass' | 'plan' | 'apply' }
  | { kind: 'act'; host: number; outcome: 'success' | 'failure' }
  | { kind: 'look' | 'report' | 'turn' | 'cordon' | 'uncordon'; host: number }
  | { kind: 'drain'; host: number; left: 'all' | 'some' | 'timeout' }
  | { kind: 'target'; version: number }
  | { kind: 'pause'; paused: boolean };

const host = fc.nat({ max: 4 });
const kinds = fc.constantFrom('look' as const, 'report' as const, 'turn' as const);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Event>({ kind: 'plan' }, { kind: 'apply' }, { kind: 'pass' }) },
  { weight: 4, arbitrary: fc.record({ kind: kinds, host }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('act' as const),
      host,
      outcome: fc.constantFrom('success' as const, 'success' as const, 'failure' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('drain' as const),
      host,
      left: fc.constantFrom('all' as const, 'all' as const, 'some' as const, 'timeout' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('cordon' as const, 'uncordon' as const), host }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('target' as const), version: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }) },
);
const scenario = fc.record({
  size: fc.integer({ min: 1, max: 5 }),
  maxUnavailable: fc.nat({ max: 3 }),
  events: fc.array(event, { minLength: 20, maxLength: 200 }),
});
const options = { numRuns: 400 };

/** A fleet in which it is known whose each cordon is. */
class CordonedFleet extends Fleet {
  override drains = true;
  /** Cordoned by a human, and not by Varve before. */
  readonly human = new Set<Host>();

  at(index: number): Host {
    const found = [...this.hosts.values()][index % this.hosts.size];
    if (!found) throw new Error('the fleet is empty');
    return found;
  }

  perform(event: Event): void {
    switch (event.kind) {
      case 'plan':
        this.plan();
        break;
      case 'apply':
        this.applyNext();
        break;
      case 'pass':
        this.plan();
        while (this.applyNext());
        break;
      case 'drain':
        this.drain(this.at(event.host), event.left);
        break;
      case 'cordon':
        this.#cordon(this.at(event.host));
        break;
      case 'uncordon':
        this.#uncordon(this.at(event.host));
        break;
      case 'target':
        this.target = targetOf(event.version);
        break;
      case 'pause':
        this.pool = { ...this.pool, spec: { ...this.pool.spec, paused: event.paused } };
        break;
      case 'act':
        this.act(this.at(event.host), event.outcome);
        break;
      case 'turn':
        this.turn(this.at(event.host), 'success');
        break;
      default:
        this[event.kind](this.at(event.host));
    }
  }

  #cordon(host: Host): void {
    if (!host.node.spec?.unschedulable) this.human.add(host);
    host.node = { ...host.node, spec: { unschedulable: true } };
  }

  #uncordon(host: Host): void {
    this.human.delete(host);
    host.node = { ...host.node, spec: {} };
  }
}

function isOurs({ node }: Host): boolean {
  return node.metadata.annotations?.[cordonedAnnotation] !== undefined;
}

describe('a rollout with drains', () => {
  it('never takes more hosts out of service than allowed, whatever happens in between', () => {
    fc.assert(
      fc.property(scenario, ({ size, maxUnavailable, events }) => {
        const fleet = new CordonedFleet(size, maxUnavailable);
        for (const event of events) {
          fleet.perform(event);
          const out = [...fleet.hosts.values()].filter(
            (one) => one.disrupted || (isOurs(one) && !fleet.human.has(one)),
          );
          expect(out.length).toBeLessThanOrEqual(countOf(maxUnavailable, size));
        }
      }),
      options,
    );
  });

  it('cordons no host before it has staged, and approves none before it is cordoned', () => {
    fc.assert(
      fc.property(scenario, ({ size, maxUnavailable, events }) => {
        const fleet = new CordonedFleet(size, maxUnavailable);
        for (const event of events) {
          const before = new Map([...fleet.hosts.values()].map((one) => [one, { ...one }]));
          fleet.perform(event);
          for (const [one, { node, state }] of before) {
            const { desired } = one.state.spec.configVersion;
            if (isOurs(one) && node !== one.node && event.kind === 'drain') {
              expect(one.state.status?.update?.staged).toBe(desired);
            }
            const isNew = state.spec.update?.phase !== 'Applied' && one.state.spec.update?.phase === 'Applied';
            if (isNew) expect(node.spec?.unschedulable).toBe(true);
          }
        }
      }),
      options,
    );
  });

  it("takes no cordon of a human's away", () => {
    fc.assert(
      fc.property(scenario, ({ size, maxUnavailable, events }) => {
        const fleet = new CordonedFleet(size, maxUnavailable);
        for (const event of events) {
          fleet.perform(event);
          for (const one of fleet.human) expect(one.node.spec?.unschedulable).toBe(true);
        }
      }),
      options,
    );
  });

  it.each(['paused', 'deleted', 'finished'] as const)(
    'leaves no cordon of its own behind in a pool that is %s',
    (end) => {
      fc.assert(
        fc.property(scenario, ({ size, maxUnavailable, events }) => {
          const fleet = new CordonedFleet(size, maxUnavailable);
          for (const event of events) fleet.perform(event);
          for (const one of fleet.human) one.node = { ...one.node, spec: {} };
          fleet.pool = { ...fleet.pool, spec: { maxUnavailable, paused: end === 'paused' } };
          for (let round = 0; round < 30 * (size + 2); round++) {
            if (end !== 'deleted') fleet.perform({ kind: 'pass' });
            for (const one of fleet.hosts.values()) {
              fleet.turn(one, 'success');
              if (end === 'deleted') fleet.drain(one, 'all', undefined);
              else fleet.drain(one, 'all');
            }
          }
          for (const one of fleet.hosts.values()) {
            expect(isOurs(one)).toBe(false);
            expect(one.node.spec?.unschedulable).toBeUndefined();
            if (end === 'finished') expect(one.state.status?.configVersion?.current).toBe(fleet.target.config);
          }
        }),
        options,
      );
    },
  );
});
