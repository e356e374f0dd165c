// A fleet on a real cluster: `varve controller` as processes, and hosts that join with a token, watch and report with a
// node's own rights. What must never happen is counted at every change.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  clusterImagePolicyResource,
  leaseResource,
  type MachineConfig,
  type MachineConfigNode,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  nodeResource,
  roleLabel,
} from '@varve/api';
import { isTargetCurrent } from '@varve/controllers';
import { leaderLease, systemNamespace } from '@varve/deploy';
import { formatKubeconfig, Informer, isKubeError, KubeClient, loadKubeconfig } from '@varve/kube';
import { eventually, run, Service, varve } from '../process.ts';
import { joinNode, SimulatedAgent } from '../simulated-agent.ts';
import type { Cluster } from './cluster.ts';

const poolName = 'web';
const role = `node-role.kubernetes.io/${poolName}`;

/** Milliseconds that each step of a simulated host takes, at most. */
const pace = 300;

export interface FleetOptions {
  readonly hosts: readonly string[];
  readonly maxUnavailable: number;
  /** Of every Node, for simulated kubelets. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Told of every host that goes down for an update. */
  readonly onDown?: (host: string) => void;
}

export class KubernetesFleet implements AsyncDisposable {
  readonly client: KubeClient;
  readonly controllers: readonly Service[];
  /** The most hosts that were down at once, by what they did; and the most that had a slot, by what the API says. */
  mostDown = 0;
  mostHolding = 0;
  readonly #cluster: Cluster;
  readonly #options: FleetOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly #down = new Set<string>();

  private constructor(cluster: Cluster, client: KubeClient, controllers: readonly Service[], options: FleetOptions) {
    this.#cluster = cluster;
    this.client = client;
    this.controllers = controllers;
    this.#options = options;
  }

  /** Two controllers, of which one leads, and hosts that have joined and are members of the pool. */
  static async start(cluster: Cluster, options: FleetOptions): Promise<KubernetesFleet> {
    const client = new KubeClient(await loadKubeconfig(cluster.kubeconfig));
    const kubeconfig = join(cluster.directory, 'controller.kubeconfig');
    await writeFile(kubeconfig, await controllerKubeconfig(cluster), { mode: 0o600 });
    const controllers = ['first', 'second'].map((name) => {
      const args = ['controller', '--kubeconfig', kubeconfig, '--identity', name];
      return new Service(`varve controller ${name}`, args, join(cluster.directory, `controller-${name}.log`));
    });
    const fleet = new KubernetesFleet(cluster, client, controllers, options);
    try {
      for (const controller of controllers) controller.start();
      await fleet.#createPool();
      await Promise.all(options.hosts.map((name) => fleet.#join(name)));
      await fleet.#watchSlots();
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A new target for every host. */
  async setKernelArgument(argument: string): Promise<void> {
    const config: MachineConfig = {
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfig',
      metadata: { name: '60-argument', labels: { [roleLabel]: poolName } },
      spec: { kernelArguments: [argument] },
    };
    try {
      await this.client.create(machineConfigResource, config);
    } catch (error) {
      if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
      const { metadata } = await this.client.get(machineConfigResource, '60-argument');
      await this.client.update(machineConfigResource, { ...config, metadata });
    }
  }

  /** Resolves once `count` hosts run a rendered config that has the argument. */
  async reached(argument: string, count: number, milliseconds = 180_000): Promise<void> {
    const end = Date.now() + milliseconds;
    for (;;) {
      const problem = await this.#progress(argument, count).catch((error: unknown) => String(error));
      if (problem === undefined) return;
      if (Date.now() > end) throw new Error(`${argument} did not reach ${count} hosts: ${problem}`);
      await sleep(200);
    }
  }

  /** The whole pool is on the target, and the pool says so. */
  async rolledOut(argument: string): Promise<void> {
    await this.reached(argument, this.#options.hosts.length);
    for (let left = 300; ; left -= 1) {
      const pool = await this.client.get(machineConfigPoolResource, poolName);
      const updated = pool.status?.conditions?.find(({ type }) => type === 'Updated');
      const { items } = await this.client.list(machineConfigResource);
      const { items: policies } = await this.client.list(clusterImagePolicyResource);
      if (isTargetCurrent(pool, items, policies) && updated?.status === 'True') return;
      if (left === 0) throw new Error(`the pool is not Updated: ${JSON.stringify(pool.status)}`);
      await sleep(200);
    }
  }

  /** The controller that leads now. */
  async leader(): Promise<Service> {
    for (let left = 300; left > 0; left -= 1) {
      const lease = await this.client
        .get(leaseResource, leaderLease, { namespace: systemNamespace })
        .catch(() => undefined);
      const holder = lease?.spec?.holderIdentity ?? '';
      const leader = this.controllers.find(
        ({ name, running }) => running && holder.startsWith(name.split(' ').at(-1) ?? ' '),
      );
      if (leader) return leader;
      await sleep(200);
    }
    throw new Error('no controller leads');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
    for (const controller of this.controllers) await controller.stop();
    await this.client.close();
  }

  async #createPool(): Promise<void> {
    const { maxUnavailable } = this.#options;
    await this.client.create(machineConfigPoolResource, {
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfigPool',
      metadata: { name: poolName },
      spec: {
        machineConfigSelector: { matchLabels: { [roleLabel]: poolName } },
        nodeSelector: { matchLabels: { [role]: '' } },
        maxUnavailable,
      },
    });
  }

  async #join(name: string): Promise<void> {
    const { token } = JSON.parse(
      await varve(['node', 'token', '--kubeconfig', this.#cluster.kubeconfig, '-o', 'json']),
    );
    const options = {
      name,
      server: this.#cluster.endpoint,
      token,
      pace,
      onDisruption: (host: string, down: boolean) => {
        if (down) this.#options.onDown?.(host);
        if (down) this.#down.add(host);
        else this.#down.delete(host);
        this.mostDown = Math.max(this.mostDown, this.#down.size);
      },
    };
    const { signal } = this.#stop;
    const connection = await joinNode(options, signal);
    const { annotations = {} } = this.#options;
    // The cluster may sign before the controllers have made the Node.
    await eventually(`${name} has a Node`, async () => {
      await this.client.patch(nodeResource, name, { metadata: { labels: { [role]: '' }, annotations } });
      return true;
    });
    const agent = new SimulatedAgent(options);
    const ended = agent.run(connection, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    this.#running.push(ended);
  }

  async #watchSlots(): Promise<void> {
    const informer = new Informer(this.client, machineConfigNodeResource);
    informer.onChange(() => {
      this.mostHolding = Math.max(this.mostHolding, informer.list().filter(holds).length);
    });
    this.#running.push(informer.start(this.#stop.signal));
    await informer.synced();
  }

  async #progress(argument: string, count: number): Promise<string | undefined> {
    const { items } = await this.client.list(machineConfigNodeResource);
    const there: string[] = [];
    for (const { metadata, status } of items) {
      const current = status?.configVersion?.current;
      if (current === undefined) continue;
      const config = await this.client.get(machineConfigResource, current).catch(() => undefined);
      if (config?.spec.kernelArguments?.includes(argument)) there.push(metadata.name ?? '');
    }
    if (there.length >= count) return undefined;
    return JSON.stringify(items.map(({ metadata, spec, status }) => [metadata.name, spec, status?.update?.step]));
  }
}

/** With a token of their service account, and thus its rights and no others. */
export async function controllerKubeconfig({ kubeconfig, endpoint }: Cluster): Promise<string> {
  const create = ['create', 'token', 'varve-controller', `--namespace=${systemNamespace}`];
  return formatKubeconfig({ ...endpoint, token: await run('kubectl', '--kubeconfig', kubeconfig, ...create) });
}

/** Hosts that may be down by our doing, as the API shows it. */
function holds({ spec, status }: MachineConfigNode): boolean {
  const busy = ['Applying', 'Rebooting', 'Verifying'].includes(status?.update?.step ?? '');
  return busy || (spec.update?.phase === 'Applied' && status?.configVersion?.current !== spec.configVersion.desired);
}
