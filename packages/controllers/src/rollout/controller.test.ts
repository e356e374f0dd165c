// How the rollout controller behaves when its copy of the cluster is late. With a real server the copy is late only for
// moments that no test can choose, so the server here is a map.
import {
  type ClusterImagePolicy,
  type ConfigMap,
  createSigningKeys,
  type KubeObject,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigPool,
  type MachineConfiguration,
  type Node,
  type ResourceDefinition,
} from '@varve/api';
import { KubeError } from '@varve/kube';
import pino from 'pino';
import { expect, it, vi } from 'vitest';
import type { ControllerContext, Source } from '../context.ts';
import { TargetSigner } from '../sign/signer.ts';
import { createRolloutController } from './controller.ts';
import { setReady } from './fleet.ts';

type Listener<T> = Parameters<Source<T & KubeObject>['onChange']>[0];

class LateCopy<T extends KubeObject> implements Source<T> {
  readonly #objects = new Map<string, T>();
  readonly #listeners = new Set<Listener<T>>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  onChange(listener: Listener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  deliver(object: T): void {
    const key = object.metadata.name ?? '';
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const listener of this.#listeners)
      listener(old ? { type: 'updated', key, object, old } : { type: 'added', key, object });
  }
}

/** Only what the controller calls; refuses stale writes as a server does. */
class MapServer {
  readonly written: KubeObject[] = [];
  readonly #versions = new Map<string, string>();
  #version = 100;

  async update<T extends KubeObject>(_definition: ResourceDefinition<T>, object: T): Promise<T> {
    const { name = '', resourceVersion = '' } = object.metadata;
    if ((this.#versions.get(name) ?? '1') !== resourceVersion) throw new KubeError('CONFLICT', `${name} has changed`);
    this.#version += 1;
    this.#versions.set(name, String(this.#version));
    const result = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.written.push(result);
    return result;
  }
}

const config = 'rendered-web-1';
const keys = createSigningKeys();

function staged(name: string): MachineConfigNode {
  return {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: { name, resourceVersion: '1', generation: 1 },
    spec: { node: { name }, pool: { name: 'web' }, configVersion: { desired: config }, update: { phase: 'Staged' } },
    status: { observedGeneration: 1, update: { staged: config, step: 'Staged' } },
  };
}

function unused(): never {
  throw new Error('the rollout controller does not call this');
}

function setUp() {
  const server = new MapServer();
  const copies = {
    pools: new LateCopy<MachineConfigPool>(),
    configs: new LateCopy<MachineConfig>(),
    states: new LateCopy<MachineConfigNode>(),
    nodes: new LateCopy<Node>(),
    leases: new LateCopy<KubeObject>(),
    requests: new LateCopy<never>(),
    configurations: new LateCopy<MachineConfiguration>(),
    imagePolicies: new LateCopy<ClusterImagePolicy>(),
    keys: new LateCopy<ConfigMap>(),
  };
  const client: ControllerContext['client'] = {
    get: unused,
    list: unused,
    create: unused,
    delete: unused,
    update: (definition, object) => server.update(definition, object),
    updateStatus: async (_definition, object) => object,
  };
  const context: ControllerContext = {
    client,
    informers: copies,
    events: { record: () => {} },
    logger: pino({ level: 'silent' }),
    targets: new TargetSigner(copies, { current: () => keys, onChange: () => {} }),
  };
  const controller = createRolloutController(context);
  copies.configs.deliver({ apiVersion: '', kind: 'MachineConfig', metadata: { name: config }, spec: {} });
  for (const name of ['a', 'b', 'c']) {
    copies.nodes.deliver(setReady({ apiVersion: 'v1', kind: 'Node', metadata: { name } }, true));
    copies.states.deliver(staged(name));
  }
  const spec = { maxUnavailable: 1, configuration: { name: config } };
  copies.pools.deliver({ apiVersion: '', kind: 'MachineConfigPool', metadata: { name: 'web' }, spec });
  return { server, copies, controller };
}

it('gives no second slot before it has seen that it gave the first', async () => {
  const { server, copies, controller } = setUp();
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  await vi.waitFor(() => expect(server.written).toHaveLength(1), { timeout: 10_000 });
  // Another watch is faster: a host that is not Ready would go first, at no cost.
  copies.nodes.deliver(setReady({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'c' } }, false));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const names = () => server.written.map((object) => object.metadata.name);
  expect(names()).toEqual(['a']);
  const status = { configVersion: { current: config }, update: { step: 'Done' as const } };
  copies.states.deliver({ ...staged('a'), metadata: { name: 'a', resourceVersion: '102' }, status });
  await vi.waitFor(() => expect(names()).toEqual(['a', 'c']), { timeout: 10_000 });
  stop.abort();
  await running;
});
