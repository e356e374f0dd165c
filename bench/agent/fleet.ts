// A real `varve up` and one host with the built executable on it, which runs a config of many files.
import { join } from 'node:path';
import { hostStatus } from '@varve/agent';
import { machineConfigPoolResource, machineConfigResource } from '@varve/api';
import { KubeClient, loadKubeconfig } from '@varve/kube';
import { ControlPlane } from '../../e2e/control-plane.ts';
import { InstalledHost } from '../../e2e/installed-host.ts';
import { machineConfig } from '../../e2e/manifests.ts';
import { eventually, run, varve } from '../../e2e/process.ts';
import { SplitAgent } from '../../e2e/split-agent.ts';
import { bootableContent, FixtureRegistry } from '../../packages/agent/src/fixtures/registry.ts';

const role = 'node-role.kubernetes.io/worker';

export class BenchFleet implements AsyncDisposable {
  readonly host: InstalledHost;
  readonly agent: SplitAgent;
  readonly #stack: AsyncDisposableStack;

  private constructor(host: InstalledHost, agent: SplitAgent, stack: AsyncDisposableStack) {
    this.host = host;
    this.agent = agent;
    this.#stack = stack;
  }

  /** Resolves when the host runs a config with `files` managed files. */
  static async start(executable: string, files: number): Promise<BenchFleet> {
    await using stack = new AsyncDisposableStack();
    const plane = stack.use(await ControlPlane.start());
    const registry = stack.use(await FixtureRegistry.start());
    const client = stack.use(new KubeClient(await loadKubeconfig(plane.kubeconfig)));
    const host = stack.use(await InstalledHost.create(executable, registry.add(bootableContent('1'))));
    await configure(client, files);
    const token = await varve([
      '--kubeconfig',
      plane.kubeconfig,
      'node',
      'token',
      '--labels',
      `${role}=`,
      '-o',
      'json',
    ]);
    const join = JSON.parse(token);
    await host.run('join', '--server', join.server, '--token', join.token, '--ca-hash', join.caHash, '--name', 'bench');
    await dropFromCache(host);
    const agent = stack.use(await SplitAgent.start(host));
    await eventually('the host runs its config', async () =>
      (await agent.metrics()).includes('varve_agent_updated 1\n'),
    );
    return new BenchFleet(host, agent, stack.move());
  }

  /** A managed file, from outside. */
  async managedFile(): Promise<string> {
    return join((await hostStatus(this.host.sysroot)).booted.root, 'etc/bench/0');
  }

  async driftedPaths(): Promise<number> {
    return Number(/^varve_agent_drifted_paths (\d+)$/m.exec(await this.agent.metrics())?.[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

async function configure(client: KubeClient, count: number): Promise<void> {
  const labels = { matchLabels: { 'machineconfiguration.openshift.io/role': 'worker' } };
  await client.create(machineConfigPoolResource, {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name: 'worker' },
    spec: { machineConfigSelector: labels, nodeSelector: { matchLabels: { [role]: '' } } },
  });
  const files = Array.from({ length: count }, (_, number) => ({
    path: `/etc/bench/${number}`,
    mode: 0o644,
    contents: { source: `data:,${number}` },
  }));
  const ignition = { ignition: { version: '3.4.0' }, storage: { files } };
  await client.create(machineConfigResource, JSON.parse(machineConfig('50-files', { ignition })));
}

/** As after a boot: pages of a file that was just written are mapped in larger pieces, which would count as resident. */
async function dropFromCache(host: InstalledHost): Promise<void> {
  const file = join(host.root, 'usr/bin/varve-agent');
  await run('dd', 'if=/dev/null', `of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none');
}
