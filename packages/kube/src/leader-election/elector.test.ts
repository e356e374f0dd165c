import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Candidate, type ProcessOptions, World, well } from './candidates.fixture.ts';
import { LeaderElector } from './elector.ts';
import { LeaseServer, type Passage, Simulation } from './simulation.fixture.ts';

/** What befalls one of the candidates, or whoever leads then. */
interface Happening {
  readonly after: number;
  readonly who: 'leader' | number;
  readonly what: 'kill' | 'stop' | 'cut' | 'mend';
}

test('the first candidate makes the lease and renews it; the others see who leads and wait', async () => {
  const world = new World();
  const first = world.add('first');
  await world.simulation.pass(100);
  const second = world.add('second');
  await world.simulation.pass(60_000);
  expect([first.isActing, second.isActing]).toEqual([true, false]);
  expect(first.leaders).toEqual(['self']);
  expect(second.leaders).toEqual(['first']);
  const { acquireTime, renewTime, ...rest } = world.server.lease?.spec ?? {};
  expect(rest).toEqual({ holderIdentity: first.elector.identity, leaseDurationSeconds: 15, leaseTransitions: 0 });
  expect(acquireTime).toMatch(/^2026-01-01T00:00:00\.\d{3}000Z$/);
  expect(renewTime).toMatch(/^2026-01-01T00:00:5[89]\.\d{3}000Z|^2026-01-01T00:01:00\.\d{3}000Z$/);
  // One request every two seconds, and no reading in between.
  expect(world.server.writes.length).toBeGreaterThanOrEqual(29);
  expect(world.server.writes.length).toBeLessThanOrEqual(31);
  expect([...first.errors, ...second.errors]).toEqual([]);
});

test('two processes of one name are two candidates', async () => {
  const world = new World();
  world.add('same');
  world.add('same');
  await world.simulation.pass(60_000);
  expect(world.acting).toBe(1);
});

test('a leader that stops releases the lease only when its work has ended, and the next begins soon after', async () => {
  const world = new World();
  const first = world.add('first', { windDown: 30_000 });
  await world.simulation.pass(100);
  const second = world.add('second');
  await world.simulation.pass(5_000);
  first.stop();
  await world.simulation.pass(29_000);
  expect([first.isActing, second.isActing]).toEqual([true, false]);
  expect(world.server.lease?.spec?.holderIdentity).toBe(first.elector.identity);
  await world.simulation.pass(1_100);
  expect(world.server.lease?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  expect(first.outcome).toBe('ended');
  await world.simulation.pass(4_500);
  expect(second.isActing).toBe(true);
  expect(world.server.lease?.spec).toMatchObject({ leaseTransitions: 1, leaseDurationSeconds: 15 });
});

test('a killed leader is followed when its lease has not changed for its duration', async () => {
  const world = new World();
  const first = world.add('first');
  await world.simulation.pass(10_000);
  const second = world.add('second', { offset: 123_456 });
  await world.simulation.pass(10_000);
  first.kill();
  await world.simulation.pass(12_000);
  expect(second.isActing).toBe(false);
  await world.simulation.pass(10_000);
  expect(second.isActing).toBe(true);
});

test.each(['hang', 'unheard', 'refused'] as const)(
  'a leader whose requests are %s stops by its deadline and says so',
  async (fate) => {
    const world = new World();
    const first = world.add('first');
    await world.simulation.pass(20_000);
    first.passage = () => ({ ...well, fate });
    await world.simulation.pass(7_500);
    expect(first.isActing).toBe(true);
    await world.simulation.pass(3_000);
    expect(first.isActing).toBe(false);
    // The failed release is bounded, too.
    await world.simulation.pass(5_000);
    expect(first.outcome).toMatchObject({ code: 'LEADERSHIP_LOST', message: expect.stringContaining('10 s') });
  },
);

test('a term counts from when its renewal was sent, however late the answer comes', async () => {
  const world = new World();
  const first = world.add('first');
  await world.simulation.pass(20_000);
  let slow = 1;
  first.passage = () => ({ there: 5, back: slow-- > 0 ? 4_900 : 0, fate: slow >= 0 ? 'ok' : 'hang' });
  // Sent at most 2 s from now: it ends at most 12 s from now, not 17.
  await world.simulation.pass(12_100);
  expect(first.isActing).toBe(false);
});

test('a server that always answers too late makes no leader', async () => {
  const world = new World();
  const first = world.add('first');
  first.passage = () => ({ there: 5, back: 9_999, fate: 'ok' });
  await world.simulation.pass(120_000);
  expect(first.isActing).toBe(false);
  expect(first.errors.length).toBeGreaterThan(5);
});

test('a leader that finds another in its lease stops at once', async () => {
  const world = new World();
  const first = world.add('first');
  await world.simulation.pass(10_000);
  const lease = world.server.lease;
  if (lease === undefined) throw new Error('no lease');
  const metadata = { ...lease.metadata, resourceVersion: '1000' };
  world.server.lease = { ...lease, metadata, spec: { ...lease.spec, holderIdentity: 'usurper' } };
  await world.simulation.pass(2_100);
  expect(first.outcome).toMatchObject({ code: 'LEADERSHIP_LOST', message: expect.stringContaining('"usurper"') });
  expect(world.server.lease.spec?.holderIdentity).toBe('usurper');
});

test.each(['hang', 'unheard', 'refused'] as const)(
  'one renewal that is %s costs nothing: the leader recognizes its own write',
  async (fate) => {
    const world = new World();
    const first = world.add('first');
    await world.simulation.pass(10_000);
    let bad = 1;
    first.passage = () => ({ ...well, fate: bad-- > 0 ? fate : 'ok' });
    await world.simulation.pass(60_000);
    expect(first.isActing).toBe(true);
    expect(first.errors).toHaveLength(1);
  },
);

test('a lease that was deleted is made again by its holder, not by one who has just seen it held', async () => {
  const world = new World();
  const first = world.add('first');
  const second = world.add('second');
  await world.simulation.pass(20_000);
  const [leader, other] = first.isActing ? [first, second] : [second, first];
  for (let i = 0; i < 20; i += 1) {
    world.server.lease = undefined;
    await world.simulation.pass(1_700);
  }
  expect([leader.isActing, other.isActing]).toEqual([true, false]);
  expect(leader.outcome).toBe('running');
});

test('labels of others on the lease are kept and are no sign of life', async () => {
  const world = new World();
  const first = world.add('first');
  await world.simulation.pass(1_000);
  const second = world.add('second');
  const relabel = () => {
    const lease = world.server.lease;
    if (lease === undefined) throw new Error('no lease');
    const version = String(Number(lease.metadata.resourceVersion) + 1000);
    const metadata = { ...lease.metadata, resourceVersion: version, labels: { at: version } };
    world.server.lease = { ...lease, metadata };
  };
  relabel();
  await world.simulation.pass(10_000);
  expect(first.isActing).toBe(true);
  expect(world.server.lease?.metadata.labels).toBeDefined();
  first.kill();
  for (let i = 0; i < 25; i += 1) {
    relabel();
    await world.simulation.pass(1_000);
  }
  expect(second.isActing).toBe(true);
});

test('what the work throws comes out, after the lease was released', async () => {
  const world = new World();
  const first = new Candidate('first', world);
  first.lead = async () => {
    throw new Error('broken');
  };
  void first.start();
  await world.simulation.pass(1_000);
  expect(first.outcome).toEqual(new Error('broken'));
  expect(world.server.lease?.spec?.holderIdentity).toBe('');
});

test('a candidate that stops before it leads leaves at once and leaves nothing behind', async () => {
  const world = new World();
  const first = world.add('first');
  await world.simulation.pass(1_000);
  const second = world.add('second');
  await world.simulation.pass(5_000);
  second.stop();
  await world.simulation.pass(0);
  expect(second.outcome).toBe('ended');
  expect(world.server.lease?.spec?.holderIdentity).toBe(first.elector.identity);
});

test('callbacks that throw change nothing', async () => {
  const { simulation, server } = new World();
  const fail = () => {
    throw new Error('mine');
  };
  let reads = 0;
  const lock = server.lock(() => ({ ...well, fate: reads++ < 3 ? 'refused' : 'ok' }));
  const options = { lock, identity: 'x', clock: simulation.clock(1, 0), onError: fail, onLeader: fail };
  const elector = new LeaderElector(options);
  const end = new AbortController();
  let led = false;
  const running = elector.run(async () => {
    led = true;
  }, end.signal);
  await simulation.pass(30_000);
  await running;
  expect(led).toBe(true);
});

test.each([
  { leaseDuration: 10_000, renewDeadline: 10_000 },
  { renewDeadline: 2_400, retryPeriod: 2_000 },
  { retryPeriod: 0 },
  { leaseDuration: Number.NaN },
])('times that cannot work are refused: %o', (times) => {
  const lock = new LeaseServer(new Simulation()).lock(() => well);
  expect(() => new LeaderElector({ lock, identity: 'x', ...times })).toThrow(RangeError);
});

test('whatever happens to requests, processes and clocks, there are never two leaders, and one in the end', async () => {
  const passage = fc.record<Passage>({
    there: fc.integer({ min: 0, max: 9_000 }),
    back: fc.integer({ min: 0, max: 9_000 }),
    fate: fc.oneof(
      { weight: 9, arbitrary: fc.constant('ok' as const) },
      { weight: 1, arbitrary: fc.constantFrom('unheard' as const, 'hang' as const, 'refused' as const) },
    ),
  });
  const fast = passage.map((each) => ({ ...each, there: each.there / 100, back: each.back / 100 }));
  const candidate = fc.record({
    // 10 s / 0.92 + 2.9 s < 15 s / 1.08: what clocks and work may take of the time between deadline and duration.
    rate: fc.double({ min: 0.92, max: 1.08, noNaN: true }),
    offset: fc.integer({ min: -1_000_000, max: 1_000_000 }),
    windDown: fc.integer({ min: 0, max: 2_900 }),
    again: fc.boolean(),
    passages: fc.array(fc.oneof(passage, fast, fast), { minLength: 1, maxLength: 40 }),
  });
  const event = fc.record<Happening>({
    after: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 2_000, max: 30_000 })),
    who: fc.constantFrom<Happening['who'][]>('leader', 'leader', 0, 1, 2, 3),
    what: fc.constantFrom<Happening['what'][]>('kill', 'stop', 'cut', 'cut', 'mend'),
  });
  const run = async (
    candidates: readonly (ProcessOptions & { passages: Passage[] })[],
    events: readonly Happening[],
  ) => {
    const world = new World();
    const usuals = new Map<Candidate, () => Passage>();
    const all = candidates.map(({ passages, ...options }, index) => {
      const added = world.add(`c${index}`, options);
      let next = 0;
      const usual = () => passages[next++ % passages.length] ?? well;
      added.passage = usual;
      usuals.set(added, usual);
      return added;
    });
    for (const { after, who, what } of events) {
      await world.simulation.pass(after);
      const target = who === 'leader' ? all.find((each) => each.isActing) : all[who];
      if (target === undefined) continue;
      if (what === 'kill') target.kill();
      else if (what === 'stop') target.stop();
      else if (what === 'cut') target.passage = () => ({ ...well, fate: 'hang' });
      else target.passage = usuals.get(target) ?? target.passage;
    }
    for (const each of all) each.passage = () => well;
    const last = world.add('last');
    await world.simulation.pass(60_000);
    for (const each of all) {
      expect(each.outcome).not.toMatchObject({ message: expect.stringContaining('began while') });
    }
    expect(last.outcome).toBe('running');
    expect(world.acting).toBe(1);
    for (const each of world.candidates) each.stop();
    await world.simulation.pass(10_000);
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(candidate, { minLength: 2, maxLength: 4 }),
      fc.array(event, { minLength: 1, maxLength: 12 }),
      run,
    ),
    { numRuns: 200 },
  );
}, 120_000);
