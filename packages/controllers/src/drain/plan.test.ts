import type { DrainPolicy, Pod, PodDisruptionBudget } from '@varve/api';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockedForEver } from './budget.ts';
import { dispositionOf } from './disposition.ts';
import { type DrainInput, planDrain } from './plan.ts';

interface PodParts {
  readonly name?: string;
  readonly owner?: string | null;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly mirror?: boolean;
  readonly leaving?: boolean;
  readonly emptyDir?: boolean;
}

function pod(parts: PodParts = {}): Pod {
  const { name = 'a', owner = 'ReplicaSet', phase = 'Running', ready = true, mirror, leaving, emptyDir } = parts;
  const reference = { apiVersion: 'apps/v1', kind: owner ?? '', name: 'x', uid: 'u', controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ namespace: 'shop', name, labels: { app: 'web' } },
      ...(mirror && { annotations: { 'kubernetes.io/config.mirror': 'hash' } }),
      ...(owner !== null && { ownerReferences: [reference] }),
      ...(leaving && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { nodeName: 'host', volumes: emptyDir ? [{ name: 'scratch', emptyDir: {} }] : [] },
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function budget(status: NonNullable<PodDisruptionBudget['status']>, spec: PodDisruptionBudget['spec'] = {}) {
  const selector = { matchLabels: { app: 'web' } };
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace: 'shop', name: 'web', generation: 1 },
    spec: { selector, minAvailable: 1, ...spec },
    status: { observedGeneration: 1, ...status },
  } satisfies PodDisruptionBudget;
}

const exhausted = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };
const strict: DrainPolicy = { unmanagedPods: 'Block', emptyDir: 'Block' };

describe('what becomes of a pod', () => {
  it.each<[string, PodParts, DrainPolicy, string]>([
    ['of a ReplicaSet', {}, {}, 'Evict'],
    ['of a DaemonSet', { owner: 'DaemonSet' }, {}, 'Stay'],
    ['of a DaemonSet that has ended', { owner: 'DaemonSet', phase: 'Succeeded' }, {}, 'Evict'],
    ['from a file of the kubelet', { mirror: true, owner: 'Node' }, strict, 'Stay'],
    ['that was deleted', { leaving: true }, {}, 'Leaving'],
    ['of nobody', { owner: null }, {}, 'Evict'],
    ['of nobody, where that blocks', { owner: null }, strict, 'Block'],
    ['of nobody that has ended', { owner: null, phase: 'Failed' }, strict, 'Evict'],
    ['with local data', { emptyDir: true }, {}, 'Evict'],
    ['with local data, where that blocks', { emptyDir: true }, strict, 'Block'],
    ['with local data that has ended', { emptyDir: true, phase: 'Succeeded' }, strict, 'Evict'],
  ])('%s', (_, parts, policy, kind) => expect(dispositionOf(pod(parts), policy).kind).toBe(kind));
});

describe('a PodDisruptionBudget', () => {
  it.each<[string, Pod, PodDisruptionBudget[], RegExp | undefined]>([
    ['without a spare blocks for ever', pod(), [budget(exhausted)], /shop\/web \(minAvailable 1\) wants 1 of 1/],
    [
      'that allows none at all',
      pod(),
      [budget(exhausted, { minAvailable: undefined, maxUnavailable: 0 })],
      /maxUnavailable 0/,
    ],
    ['with a spare that is ill blocks for a while', pod(), [budget({ ...exhausted, expectedPods: 2 })], undefined],
    ['that allows one', pod(), [budget({ ...exhausted, disruptionsAllowed: 1 })], undefined],
    ['that nobody has counted', pod(), [budget({})], undefined],
    ['whose counts are of an older spec', pod(), [budget({ ...exhausted, observedGeneration: 0 })], undefined],
    ['of other pods', pod(), [budget(exhausted, { selector: { matchLabels: { app: 'db' } } })], undefined],
    ['of all pods', pod(), [budget(exhausted, { selector: {} })], /shop\/web/],
    ['of no pods', pod(), [budget(exhausted, { selector: undefined })], undefined],
    ['of another namespace', pod(), [{ ...budget(exhausted), metadata: { namespace: 'x', name: 'web' } }], undefined],
    ['beside another', pod(), [budget({ disruptionsAllowed: 5 }), budget(exhausted)], /both cover it/],
    ['says nothing of pods that do not run', pod({ phase: 'Pending' }), [budget(exhausted)], undefined],
    ['lets an ill pod go where others are well', pod({ ready: false }), [budget(exhausted)], undefined],
    ['keeps an ill pod', pod({ ready: false }), [budget({ ...exhausted, currentHealthy: 0 })], /shop\/web/],
    [
      'lets any ill pod go where it says so',
      pod({ ready: false }),
      [budget({ ...exhausted, currentHealthy: 0 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' })],
      undefined,
    ],
  ])('%s', (_, subject, budgets, reason) => {
    const found = blockedForEver(subject, budgets);
    if (reason) expect(found).toMatch(reason);
    else expect(found).toBeUndefined();
  });
});

const since = new Date(0);
const base: DrainInput = {
  ...{ pods: [pod()], budgets: [], policy: {}, since, now: new Date(1000), begun: true, ready: true },
};

describe('a drain', () => {
  it.each<[string, Partial<DrainInput>, string, number]>([
    ['evicts', {}, 'Draining', 1],
    ['ends without pods', { pods: [] }, 'Drained', 0],
    ['ends with the pods that stay', { pods: [pod({ owner: 'DaemonSet' }), pod({ mirror: true })] }, 'Drained', 0],
    ['waits for pods that are leaving', { pods: [pod({ leaving: true })] }, 'Draining', 0],
    ['does not, where nobody ends them', { pods: [pod({ leaving: true })], ready: false }, 'Drained', 0],
    ['is not begun when it cannot end', { budgets: [budget(exhausted)], begun: false }, 'Blocked', 0],
    ['goes on when that comes later', { budgets: [budget(exhausted)] }, 'Draining', 1],
    ['is not begun against the policy', { pods: [pod({ owner: null })], policy: strict, begun: false }, 'Blocked', 0],
    ['waits for a human then', { pods: [pod({ owner: null })], policy: strict }, 'Draining', 0],
    ['has an hour', { now: new Date(3_599_999) }, 'Draining', 1],
    ['and no more', { now: new Date(3_600_000) }, 'TimedOut', 0],
    ['has the time of its pool', { policy: { timeoutSeconds: 1 } }, 'TimedOut', 0],
    ['is held', { policy: { timeoutSeconds: 1, onTimeout: 'Hold' } }, 'Draining', 1],
    ['goes on without', { policy: { timeoutSeconds: 1, onTimeout: 'Proceed' } }, 'Drained', 0],
  ])('%s', (_, change, outcome, evictions) => {
    const plan = planDrain({ ...base, ...change });
    expect(plan.outcome).toBe(outcome);
    expect(plan.evict).toHaveLength(evictions);
    if (outcome !== 'Drained') expect(plan.guard).toContain('shop/a');
  });

  const parts = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    owner: fc.constantFrom('ReplicaSet', 'DaemonSet', null),
    phase: fc.constantFrom('Running', 'Pending', 'Succeeded', 'Failed'),
    ready: fc.boolean(),
    mirror: fc.boolean(),
    leaving: fc.boolean(),
    emptyDir: fc.boolean(),
  });
  const input: fc.Arbitrary<DrainInput> = fc.record({
    pods: fc.array(parts.map(pod), { maxLength: 6 }),
    budgets: fc.constantFrom([], [budget(exhausted)], [budget({ disruptionsAllowed: 1 })]),
    policy: fc.record({
      timeoutSeconds: fc.constantFrom(1, 10),
      onTimeout: fc.constantFrom('GiveBack' as const, 'Hold' as const, 'Proceed' as const),
      unmanagedPods: fc.constantFrom('Evict' as const, 'Block' as const),
      emptyDir: fc.constantFrom('Evict' as const, 'Block' as const),
    }),
    since: fc.constant(since),
    now: fc.nat({ max: 20_000 }).map((time) => new Date(time)),
    begun: fc.boolean(),
    ready: fc.boolean(),
  });

  it('evicts only what the policy lets go, and nothing once it is over', () => {
    fc.assert(
      fc.property(input, (value) => {
        const plan = planDrain(value);
        for (const one of plan.evict) expect(dispositionOf(one, value.policy).kind).toBe('Evict');
        if (plan.outcome !== 'Draining') expect(plan.evict).toEqual([]);
        expect(plan.outcome === 'Drained' || plan.guard !== '').toBe(true);
      }),
    );
  });

  it('is Drained only without pods that have to leave, or when its time is over and the policy says so', () => {
    fc.assert(
      fc.property(input, (value) => {
        const plan = planDrain(value);
        const left = value.pods.filter((one) => {
          const { kind } = dispositionOf(one, value.policy);
          return kind === 'Evict' || kind === 'Block' || (kind === 'Leaving' && value.ready);
        });
        const proceeds = value.policy.onTimeout === 'Proceed' && plan.guard !== '';
        expect(plan.outcome === 'Drained').toBe(left.length === 0 || (plan.outcome === 'Drained' && proceeds));
        if (left.length === 0) expect(plan.guard).toBe('');
      }),
    );
  });

  it('is never blocked once it has begun, and never held beyond its time but by Hold', () => {
    fc.assert(
      fc.property(input, (value) => {
        const { outcome } = planDrain(value);
        if (value.begun) expect(outcome).not.toBe('Blocked');
        const isOver = value.now.getTime() >= (value.policy.timeoutSeconds ?? 0) * 1000;
        if (isOver && value.policy.onTimeout !== 'Hold') expect(outcome).not.toBe('Draining');
      }),
    );
  });
});
