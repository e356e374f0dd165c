// The controller on a cluster in memory: watches bring every write at once, stale writes are refused, and pods leave when
// they are evicted and their budget lets them.
import {
  type ConfigMap,
  cordonedAnnotation,
  createSigningKeys,
  drainAnnotation,
  type KubeObject,
  type MachineConfigNode,
  type MachineConfigPool,
  type Node,
  type Pod,
  type PodDisruptionBudget,
} from '@varve/api';
import { KubeError } from '@varve/kube';
import pino from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ControllerContext, Source } from '../context.ts';
import { setReady } from '../rollout/fleet.ts';
import { TargetSigner } from '../sign/signer.ts';
import { createDrainController } from './controller.ts';
import { readRecord } from './record.ts';
import type { WorkloadSource } from './workloads.ts';

type Listener<T extends KubeObject> = Parameters<Source<T>['onChange']>[0];

class Copy<T extends KubeObject> implements Source<T> {
  readonly objects = new Map<string, T>();
  readonly #listeners = new Set<Listener<T>>();
  #version = 1;

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  list(): T[] {
    return [...this.objects.values()];
  }

  onChange(listener: Listener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(object: T): T {
    this.#version += 1;
    const key = object.metadata.name ?? '';
    const generation = (object.metadata.generation ?? 0) + 1;
    const stored = { ...object, metadata: { ...object.metadata, generation, resourceVersion: String(this.#version) } };
    const old = this.objects.get(key);
    this.objects.set(key, stored);
    for (const tell of this.#listeners)
      tell(old ? { type: 'updated', key, object: stored, old } : { type: 'added', key, object: stored });
    return stored;
  }

  remove(key: string): void {
    const object = this.objects.get(key);
    this.objects.delete(key);
    if (object) for (const tell of this.#listeners) tell({ type: 'deleted', key, object });
  }
}

class Cluster implements WorkloadSource {
  readonly nodes = new Copy<Node>();
  readonly states = new Copy<MachineConfigNode>();
  readonly pools = new Copy<MachineConfigPool>();
  pods: Pod[] = [];
  budgets: PodDisruptionBudget[] = [];
  /** Why pods may not leave now. */
  refusal: string | undefined;
  readonly told: string[] = [];

  async on(): Promise<{ pods: Pod[]; budgets: PodDisruptionBudget[] }> {
    return { pods: this.pods, budgets: this.budgets };
  }

  async evict(pod: Pod): Promise<string | undefined> {
    if (this.refusal === undefined) this.pods = this.pods.filter((one) => one !== pod);
    return this.refusal;
  }

  update(object: KubeObject): void {
    if (isNode(object)) replace(this.nodes, object);
    else if (isState(object)) replace(this.states, object);
    else unused();
  }

  get node(): Node | undefined {
    return this.nodes.get('a');
  }

  get state(): MachineConfigNode {
    const found = this.states.get('a');
    if (!found) throw new Error('no a');
    return found;
  }
}

function isNode(object: KubeObject): object is Node {
  return object.kind === 'Node';
}

function isState(object: KubeObject): object is MachineConfigNode {
  return object.kind === 'MachineConfigNode';
}

function replace<T extends KubeObject>(copy: Copy<T>, object: T): void {
  const { name = '', resourceVersion } = object.metadata;
  const stored = copy.get(name)?.metadata.resourceVersion;
  if (stored === undefined) throw new KubeError('NOT_FOUND', name);
  if (stored !== resourceVersion) throw new KubeError('CONFLICT', name);
  copy.put(object);
}

function unused(): never {
  throw new Error('the drain controller does not call this');
}

let cluster: Cluster;
let stop: AbortController;
let running: Promise<void>;
beforeEach(() => {
  cluster = new Cluster();
  cluster.pools.put(pool({}));
  cluster.nodes.put(setReady({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } }, true));
  start();
});
afterEach(end);

/** A controller that knows nothing but what is on the server. */
function start(): void {
  const keys = createSigningKeys();
  const none = <T extends KubeObject>() => new Copy<T>();
  const informers = {
    ...{ nodes: cluster.nodes, states: cluster.states, pools: cluster.pools, keys: none<ConfigMap>() },
    ...{ configs: none<never>(), leases: none<never>(), requests: none<never>(), configurations: none<never>() },
    imagePolicies: none<never>(),
  };
  const context: ControllerContext = {
    client: {
      ...{ get: unused, list: unused, create: unused, delete: unused, updateStatus: unused },
      update: async (_definition, object) => {
        cluster.update(object);
        return object;
      },
    },
    informers,
    events: { record: (_object, _type, reason, message) => void cluster.told.push(`${reason}: ${message}`) },
    logger: pino({ level: 'silent' }),
    targets: new TargetSigner(informers, { current: () => keys, onChange: () => {} }),
  };
  stop = new AbortController();
  const controller = createDrainController(context, cluster, { poll: 5, recheck: 5, retry: 40 });
  running = controller.run(stop.signal);
  // What an informer tells when it starts.
  for (const node of cluster.nodes.list()) cluster.nodes.put(node);
}

async function end(): Promise<void> {
  stop.abort();
  await running;
}

function pool(spec: MachineConfigPool['spec']): MachineConfigPool {
  return {
    ...{ apiVersion: '', kind: 'MachineConfigPool', metadata: { name: 'web' } },
    spec: { configuration: { name: 'rendered-web-1' }, ...spec },
  };
}

function granted(since = new Date()): MachineConfigNode {
  return {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigNode',
    metadata: { name: 'a' },
    spec: {
      node: { name: 'a' },
      pool: { name: 'web' },
      configVersion: { desired: 'rendered-web-1' },
      update: { phase: 'Staged', drain: { since: since.toISOString() } },
    },
    status: { update: { staged: 'rendered-web-1', step: 'Staged' } },
  };
}

function pod(name: string, labels: Record<string, string> = { app: 'web' }): Pod {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: 'u', controller: true }];
  const metadata = { namespace: 'shop', name, labels, ownerReferences };
  return { apiVersion: 'v1', kind: 'Pod', metadata, status: { phase: 'Running' } };
}

const deadlock: PodDisruptionBudget = {
  ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { namespace: 'shop', name: 'web' } },
  spec: { selector: { matchLabels: { app: 'web' } }, minAvailable: 1 },
  status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 1, expectedPods: 1 },
};

const isCordoned = () => cluster.node?.spec?.unschedulable === true;
const isOurs = () => cluster.node?.metadata.annotations?.[cordonedAnnotation] !== undefined;
const record = () => readRecord(cluster.state);
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });

/** Its agent has applied, and the host is well. */
function arrive(): void {
  const status = { configVersion: { current: 'rendered-web-1' }, update: { step: 'Done' as const } };
  cluster.states.put({ ...cluster.state, status });
}

it('cordons, empties, approves, and uncordons once the host is healthy', async () => {
  cluster.pods = [pod('one'), pod('two')];
  cluster.states.put(granted());
  await until(() => expect(cluster.state.spec.update?.phase).toBe('Applied'));
  expect(cluster.pods).toEqual([]);
  expect([isCordoned(), isOurs()]).toEqual([true, true]);
  expect(cluster.state.spec.update?.drain).toBeDefined();
  arrive();
  await until(() => expect([isCordoned(), isOurs()]).toEqual([false, false]));
  expect(cluster.told.map((text) => text.split(':')[0])).toEqual(
    expect.arrayContaining(['Cordoned', 'Drained', 'Uncordoned']),
  );
});

it('says what holds the drain, and goes on when that is gone', async () => {
  cluster.pods = [pod('one')];
  cluster.refusal = 'The disruption budget web needs 2 healthy pods and has 2 currently';
  cluster.states.put(granted());
  await until(() => expect(record()).toMatchObject({ state: 'Draining', guard: expect.stringContaining('needs 2') }));
  expect(record()?.guard).toContain('shop/one');
  expect(cluster.state.spec.update?.phase).toBe('Staged');
  cluster.refusal = undefined;
  await until(() => expect(cluster.state.spec.update?.phase).toBe('Applied'));
  expect(cluster.state.metadata.annotations?.[drainAnnotation]).toBeUndefined();
});

it('names the budget that would block for ever, and cordons nothing', async () => {
  cluster.pods = [pod('one')];
  cluster.budgets = [deadlock];
  cluster.states.put(granted());
  await until(() => expect(record()).toMatchObject({ state: 'Blocked', guard: expect.stringContaining('shop/web') }));
  expect(cluster.state.spec.update).toEqual({ phase: 'Staged' });
  expect(cluster.told.some((text) => text.startsWith('Cordoned'))).toBe(false);
  cluster.budgets = [];
  await until(() => expect(record()).toBeUndefined());
});

it('gives the slot back when the time is over, uncordons, and asks for another try later', async () => {
  cluster.pools.put(pool({ drainPolicy: { timeoutSeconds: 3 } }));
  cluster.pods = [pod('one')];
  cluster.refusal = 'no';
  cluster.states.put(granted());
  await until(() => expect(isOurs()).toBe(true));
  await until(() => expect(record()?.state).toMatch(/TimedOut|Again/));
  expect(cluster.state.spec.update).toEqual({ phase: 'Staged' });
  await until(() => expect([isCordoned(), isOurs()]).toEqual([false, false]));
  await until(() => expect(record()?.state).toBe('Again'));
});

it('measures the time from the slot, whichever controller looks', async () => {
  cluster.pools.put(pool({ drainPolicy: { timeoutSeconds: 60 } }));
  cluster.pods = [pod('one')];
  cluster.refusal = 'no';
  cluster.states.put(granted(new Date(Date.now() - 57_000)));
  await until(() => expect(record()?.state).toBe('Draining'));
  await end();
  start();
  await until(() => expect(record()?.state).toMatch(/TimedOut|Again/));
});

it("leaves a human's cordon, before and after", async () => {
  const node = cluster.node;
  if (node) cluster.nodes.put({ ...node, spec: { unschedulable: true } });
  cluster.states.put(granted());
  await until(() => expect(cluster.state.spec.update?.phase).toBe('Applied'));
  arrive();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([isCordoned(), isOurs()]).toEqual([true, false]);
});

it('cordons again what somebody uncordons in the midst of a drain', async () => {
  cluster.pods = [pod('one')];
  cluster.refusal = 'no';
  cluster.states.put(granted());
  await until(() => expect(record()?.state).toBe('Draining'));
  const { node } = cluster;
  if (node) cluster.nodes.put({ ...node, spec: {} });
  await until(() => expect(isCordoned()).toBe(true));
});

it.each<[string, () => void]>([
  ['the pool is paused', () => cluster.pools.put(pool({ paused: true }))],
  ['the pool is deleted', () => cluster.pools.remove('web')],
  ['the MachineConfigNode is deleted', () => cluster.states.remove('a')],
  ['the pool wants something else', () => cluster.pools.put(pool({ configuration: { name: 'rendered-web-2' } }))],
  [
    'another target is set',
    () => {
      const { spec } = cluster.state;
      const aimed = { ...spec, configVersion: { desired: 'rendered-web-2' }, update: { phase: 'Staged' as const } };
      cluster.states.put({ ...cluster.state, spec: aimed });
    },
  ],
])('leaves no cordon behind when %s', async (_, change) => {
  cluster.pods = [pod('one')];
  cluster.refusal = 'no';
  cluster.states.put(granted());
  await until(() => expect(record()?.state).toBe('Draining'));
  change();
  await until(() => expect([isCordoned(), isOurs()]).toEqual([false, false]));
});

it('keeps a host empty that failed on its target and still has its slot', async () => {
  cluster.states.put(granted());
  await until(() => expect(cluster.state.spec.update?.phase).toBe('Applied'));
  const lastFailure = { code: 'HEALTH_FAILED', message: '', config: 'rendered-web-1', time: '', final: true };
  cluster.states.put({ ...cluster.state, status: { update: { step: 'Failed', lastFailure } } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isOurs()).toBe(true);
});
