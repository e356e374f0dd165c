import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRenderController } from '../render/controller.ts';
import { MemoryCluster } from '../testing/memory-cluster.ts';
import { configFor, imagePolicyOf, poolOf } from '../testing/objects.ts';
import { createImagePolicyController } from './controller.ts';

const pools = ['a', 'b', 'c', 'd'];
const policies = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];

let cluster: MemoryCluster;
let stop: AbortController;
let running: Promise<unknown>;
beforeEach(() => {
  cluster = new MemoryCluster();
  stop = new AbortController();
  running = createImagePolicyController(cluster.context()).run(stop.signal);
});
afterEach(async () => {
  stop.abort();
  await running;
});

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const conditionOf = (policy: string) => cluster.policies.get(policy)?.status?.conditions?.[0];

function fill(): void {
  for (const name of pools) {
    cluster.configs.put(configFor(name, { kernelArguments: [name] }));
    cluster.pools.put(poolOf(name));
  }
  for (const name of policies) cluster.policies.put(imagePolicyOf(name, `${name}.example`));
}

/** How often `change` has the pools rendered, until the policies say what `message` matches. */
async function rendersOf(change: () => void, message: RegExp): Promise<number> {
  const before = cluster.configs.listed;
  change();
  await until(() => {
    for (const policy of policies) expect(conditionOf(policy)?.message).toMatch(message);
  });
  return cluster.configs.listed - before;
}

test('each pool is rendered once after a change of a policy, however many policies there are', async () => {
  expect(await rendersOf(fill, /^pool a: not rendered yet; .*pool d: not rendered yet$/)).toBe(pools.length);
  const before = cluster.configs.listed;
  cluster.policies.put(imagePolicyOf('p0', 'p0.example'));
  await until(() => expect(conditionOf('p0')?.message).toMatch(/^pool a: not rendered yet; /));
  expect(cluster.configs.listed - before).toBe(pools.length);
});

test('a change of one pool has that one rendered, and a change of its counts none', async () => {
  await rendersOf(fill, /not rendered yet/);
  expect(await rendersOf(() => refuse('b'), /pool b: refused/)).toBe(1);
  const b = cluster.pools.get('b');
  if (!b) throw new Error('there is no b');
  cluster.pools.put({ ...b, status: { ...b.status, machineCount: 5 } });
  expect(await rendersOf(() => refuse('c'), /pool b: refused; pool c: refused/)).toBe(1);
  expect(await rendersOf(() => cluster.pools.remove('b'), /^pool a: [^;]*; pool c: /)).toBe(0);
});

function refuse(name: string): void {
  const pool = cluster.pools.get(name);
  if (!pool) throw new Error(`there is no ${name}`);
  const status = 'True' as const;
  const condition = { type: 'RenderDegraded', status, reason: 'X', message: 'refused', lastTransitionTime: '' };
  cluster.pools.put({ ...pool, status: { conditions: [condition] } });
}

test('a pool counts as what it is once it is rendered, and once a change is taken back', async () => {
  fill();
  const rendering = createRenderController(cluster.context(), {
    ...{ resolveImage: unused, checkImage: unused, settle: 0 },
  }).run(stop.signal);
  running = Promise.all([running, rendering]);
  for (const pool of cluster.pools.list()) cluster.pools.put({ ...pool, spec: { ...pool.spec, paused: true } });
  const all = /^in the configs of: a, b, c, d$/;
  await rendersOf(() => {}, all);
  await rendersOf(() => cluster.configs.remove('50-b'), /^pool b: no MachineConfig/);
  await rendersOf(() => cluster.configs.put(configFor('b', { kernelArguments: ['b'] })), all);
});

async function unused(): Promise<never> {
  throw new Error('no config names an image');
}
