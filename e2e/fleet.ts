// A fleet as the quickstart left it (--keep): one `varve up` and three agents on real OSTree sysroots, as processes that
// tests may kill.
import { join } from 'node:path';
import {
  clusterImagePolicyResource,
  type MachineConfigNode,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
} from '@varve/api';
import { isTargetCurrent } from '@varve/controllers';
import { KubeClient, loadKubeconfig } from '@varve/kube';
import { eventually, Service } from './process.ts';

export const hostNames = ['host-1', 'host-2', 'host-3'] as const;
export type HostName = (typeof hostNames)[number];

export class Fleet implements AsyncDisposable {
  readonly directory: string;
  readonly authority: string;
  readonly server: Service;
  readonly agents: ReadonlyMap<HostName, Service>;

  readonly #env: Readonly<Record<string, string>>;

  /** `env` is added to the environment of the server and of every agent. */
  constructor(directory: string, authority: string, env: Readonly<Record<string, string>> = {}) {
    this.directory = directory;
    this.authority = authority;
    this.#env = env;
    const args = ['up', '--state', this.serverState, '--listen', authority];
    this.server = new Service('server', args, this.logPath('server'), env);
    this.agents = new Map(hostNames.map((name) => [name, this.agent(name, this.sysroot(name))]));
  }

  /** An agent of this fleet, not started. */
  agent(name: string, sysroot: string): Service {
    return new Service(name, ['agent', '--sysroot', sysroot], this.logPath(name), this.#env);
  }

  logPath(name: string): string {
    return join(this.directory, 'logs', `${name}.log`);
  }

  get serverState(): string {
    return join(this.directory, 'server');
  }

  get kubeconfig(): string {
    return join(this.serverState, 'kubeconfig');
  }

  /** What skopeo, podman and buildah need to talk to the registry. */
  get registryFlags(): string[] {
    return [
      '--authfile',
      join(this.serverState, 'registry-auth.json'),
      '--cert-dir',
      join(this.serverState, 'certs.d'),
    ];
  }

  sysroot(name: HostName): string {
    return join(this.directory, 'hosts', name);
  }

  async client(): Promise<KubeClient> {
    return new KubeClient(await loadKubeconfig(this.kubeconfig));
  }

  async start(): Promise<void> {
    this.server.start();
    await this.answers();
    for (const agent of this.agents.values()) agent.start();
  }

  async answers(): Promise<void> {
    await using client = await this.client();
    await eventually('the API server answers', async () => {
      await client.list(machineConfigPoolResource, { signal: AbortSignal.timeout(2000) });
      return true;
    });
  }

  async nodes(client: KubeClient): Promise<MachineConfigNode[]> {
    return (await client.list(machineConfigNodeResource)).items;
  }

  /** Waits until the MachineConfigs as they are now are the pool's target, and its status says that every host is on it. */
  async updated(client: KubeClient, pool: string, timeout: number): Promise<string> {
    return await eventually(
      `pool ${pool} is updated`,
      async () => {
        const object = await client.get(machineConfigPoolResource, pool);
        const configs = await client.list(machineConfigResource);
        const policies = await client.list(clusterImagePolicyResource);
        if (!isTargetCurrent(object, configs.items, policies.items)) return false;
        const { spec, status, metadata } = object;
        const target = spec.configuration?.name;
        const done = status?.conditions?.some(({ type, status: value }) => type === 'Updated' && value === 'True');
        const observed = status?.observedGeneration === metadata.generation;
        return observed && done === true && status?.configuration?.name === target && target;
      },
      timeout,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents.values()) await agent.stop();
    await this.server.stop();
  }
}
