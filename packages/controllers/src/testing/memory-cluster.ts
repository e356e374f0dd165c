// For tests: what the controllers of pools and policies need of a server, in memory. Watches bring every write at once, a
// stale write is refused, and a changed spec has another generation.
import {
  type ClusterImagePolicy,
  type ConfigMap,
  canonicalJson,
  createSigningKeys,
  type KubeObject,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigPool,
  type ResourceDefinition,
} from '@varve/api';
import { KubeError } from '@varve/kube';
import pino from 'pino';
import type { ControllerContext, Source } from '../context.ts';
import { TargetSigner } from '../sign/signer.ts';

type Listener<T extends KubeObject> = Parameters<Source<T>['onChange']>[0];

interface WithSpec extends KubeObject {
  readonly spec?: unknown;
}

export class Copy<T extends WithSpec> implements Source<T> {
  /** How often somebody has listed them. */
  listed = 0;
  readonly #objects = new Map<string, T>();
  readonly #listeners = new Set<Listener<T>>();
  #version = 0;

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    this.listed += 1;
    return [...this.#objects.values()];
  }

  onChange(listener: Listener<T>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(object: T): T {
    const key = object.metadata.name ?? '';
    const old = this.#objects.get(key);
    const isSame = old !== undefined && canonicalJson(old.spec) === canonicalJson(object.spec);
    const generation = (old?.metadata.generation ?? 0) + (isSame ? 0 : 1);
    this.#version += 1;
    const metadata = { ...object.metadata, generation, resourceVersion: String(this.#version) };
    const stored = { ...object, metadata };
    this.#objects.set(key, stored);
    for (const tell of this.#listeners)
      tell(old ? { type: 'updated', key, object: stored, old } : { type: 'added', key, object: stored });
    return stored;
  }

  replace(object: T): void {
    const { name = '', resourceVersion } = object.metadata;
    const stored = this.#objects.get(name);
    if (!stored) throw new KubeError('NOT_FOUND', `there is no ${name}`);
    if (stored.metadata.resourceVersion !== resourceVersion) throw new KubeError('CONFLICT', `${name} has changed`);
    this.put(object);
  }

  remove(key: string): void {
    const object = this.#objects.get(key);
    this.#objects.delete(key);
    if (object) for (const tell of this.#listeners) tell({ type: 'deleted', key, object });
  }
}

export class MemoryCluster {
  readonly pools = new Copy<MachineConfigPool>();
  readonly configs = new Copy<MachineConfig>();
  readonly policies = new Copy<ClusterImagePolicy>();
  readonly states = new Copy<MachineConfigNode>();
  /** `reason object: message` of each event. */
  readonly told: string[] = [];
  /** Called before each write; what it throws is the server's answer. */
  beforeWrite: (object: KubeObject) => void = () => {};

  context(): ControllerContext {
    const keys = createSigningKeys();
    const none = <T extends KubeObject>() => new Copy<T>();
    const informers = {
      ...{ pools: this.pools, configs: this.configs, imagePolicies: this.policies, states: this.states },
      ...{ nodes: none<never>(), leases: none<never>(), requests: none<never>(), configurations: none<never>() },
      keys: none<ConfigMap>(),
    };
    return {
      client: {
        ...{ list: unused, delete: unused },
        get: async (definition, name) => this.#read(definition, name),
        create: async (_definition, object) => this.#write(object, 'put'),
        update: async (_definition, object) => this.#write(object, 'replace'),
        updateStatus: async (_definition, object) => this.#write(object, 'replace'),
      },
      informers,
      events: {
        record: ({ metadata }, _type, reason, message) => void this.told.push(`${reason} ${metadata.name}: ${message}`),
      },
      logger: pino({ level: 'silent' }),
      targets: new TargetSigner(informers, { current: () => keys, onChange: () => {} }),
    };
  }

  #read<T extends KubeObject>(definition: ResourceDefinition<T>, name: string): T {
    for (const copy of [this.pools, this.configs, this.policies]) {
      const object = copy.get(name);
      if (isOf(definition, object)) return object;
    }
    throw new KubeError('NOT_FOUND', `there is no ${definition.kind} ${name}`);
  }

  #write<T extends KubeObject>(object: T, how: 'put' | 'replace'): T {
    this.beforeWrite(object);
    if (isPool(object)) this.pools[how](object);
    else if (isConfig(object)) this.configs[how](object);
    else if (isPolicy(object)) this.policies[how](object);
    else unused();
    return object;
  }
}

function isOf<T extends KubeObject>({ kind }: ResourceDefinition<T>, object: KubeObject | undefined): object is T {
  return object?.kind === kind;
}

function isPool(object: KubeObject): object is MachineConfigPool {
  return object.kind === 'MachineConfigPool';
}

function isConfig(object: KubeObject): object is MachineConfig {
  return object.kind === 'MachineConfig';
}

function isPolicy(object: KubeObject): object is ClusterImagePolicy {
  return object.kind === 'ClusterImagePolicy';
}

function unused(): never {
  throw new Error('no controller of pools and policies calls this');
}
