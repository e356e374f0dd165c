// The host as Kubernetes tools see it: Node status and the lease that proves it alive.
import { arch, release } from 'node:os';
import { leaseResource, type Node, nodeResource } from '@varve/api';
import { formatTime, isKubeError, type KubeClient } from '@varve/kube';
import packageJson from '../../package.json' with { type: 'json' };
import type { HostOutline } from '../driver/driver.ts';
import { hasKubelet } from '../health/kubelet.ts';
import { Tree } from '../tree/tree.ts';
import { News } from './signal.ts';

const leaseNamespace = 'kube-node-lease';
/** As the kubelet's: a lease of 40 s, renewed every 10 s (kubelet nodeLeaseDurationSeconds, node status KEP-589). */
const leaseSeconds = 40;
const renewMilliseconds = 10_000;
const statusMilliseconds = 60_000;

export interface NodeInfo {
  readonly bootID: string;
  readonly machineID: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly kubeletVersion: string;
  readonly operatingSystem: 'linux';
  readonly architecture: string;
}

/** What the booted deployment's own files say about it. */
export async function readNodeInfo(host: HostOutline): Promise<NodeInfo> {
  const tree = new Tree(host.booted.root);
  const description = (await tree.readFile('/usr/lib/os-release'))?.toString('utf8') ?? '';
  // On a machine that runs it, the kernel says so itself; its modules are hidden from the agent.
  const isRunning = host.booted.root === '/';
  return {
    bootID: host.bootId,
    machineID: (await tree.readFile('/etc/machine-id'))?.toString('utf8').trim() ?? '',
    kernelVersion: isRunning ? release() : ((await tree.list('/usr/lib/modules'))[0] ?? ''),
    osImage: osName(description),
    kubeletVersion: `varve-agent/${packageJson.version}`,
    operatingSystem: 'linux',
    architecture: arch() === 'x64' ? 'amd64' : arch(),
  };
}

/** PRETTY_NAME of os-release(5). */
export function osName(release: string): string {
  const line = release.split('\n').find((text) => text.startsWith('PRETTY_NAME='));
  return (
    line
      ?.slice('PRETTY_NAME='.length)
      .trim()
      .replace(/^(["'])(.*)\1$/, '$2') ?? 'Linux'
  );
}

export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

type NodeClient = Pick<KubeClient, 'get' | 'patch' | 'create'>;

/** Keeps Node and lease fresh, unless a kubelet does. What it says is set from outside; saying it never holds up the work. */
export class NodeReporter {
  #info: NodeInfo | undefined;
  #readiness: Readiness = {
    ready: false,
    reason: 'AgentStarting',
    message: 'the agent has not looked at the host yet',
  };
  #transition = new Date();
  #reachable = false;
  /** One that reports too is not contradicted, and its end is not hidden by a lease that somebody else renews. */
  #kubelet: boolean | undefined;
  readonly #news = new News();
  readonly #onNode: (node: Node) => void;

  /** `onNode` is told of the Node as often as it is looked at: once a minute, every ten seconds beside a kubelet. */
  constructor(onNode: (node: Node) => void = () => {}) {
    this.#onNode = onNode;
  }

  /** Looks at the Node now. */
  refresh(): void {
    this.#news.mark();
  }

  setHost(info: NodeInfo): void {
    if (JSON.stringify(info) === JSON.stringify(this.#info)) return;
    this.#info = info;
    this.#news.mark();
  }

  setReadiness(readiness: Readiness): void {
    if (readiness.ready !== this.#readiness.ready) this.#transition = new Date();
    const changed = JSON.stringify(readiness) !== JSON.stringify(this.#readiness);
    this.#readiness = readiness;
    if (changed) this.#news.mark();
  }

  /** Whether the control plane took the last report, a few seconds ago at most. */
  get isReached(): boolean {
    return this.#reachable;
  }

  /** Until the newest state is written, at most `milliseconds`; at once while the server is away. */
  async flush(milliseconds: number): Promise<void> {
    if (this.#reachable) await this.#news.flush(milliseconds);
  }

  /** Renews until `signal` aborts. */
  async run(
    client: NodeClient,
    nodeName: string,
    onError: (error: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#news.mark();
    this.#kubelet = undefined;
    for (let written = Number.NEGATIVE_INFINITY; !signal.aborted; ) {
      // Somebody may have declared a silent node dead: the truth is told again from time to time.
      const due = this.#news.marked || performance.now() - written > statusMilliseconds;
      this.#news.take();
      try {
        if (this.#kubelet !== false) this.#see(await client.get(nodeResource, nodeName, { signal }));
        if (due && !this.#kubelet) {
          this.#see(await this.#write(client, nodeName, signal));
          written = performance.now();
        }
        this.#news.settle();
        this.#reachable = true;
        if (!this.#kubelet) await renewLease(client, nodeName, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#reachable = false;
        written = Number.NEGATIVE_INFINITY;
        onError(error);
      }
      // With jitter, so that a fleet does not beat in step.
      await this.#news.wait(renewMilliseconds * (0.9 + 0.2 * Math.random()), signal);
    }
  }

  #see(node: Node): void {
    this.#kubelet = hasKubelet(node);
    this.#onNode(node);
  }

  async #write(client: NodeClient, nodeName: string, signal: AbortSignal): Promise<Node> {
    const { ready, reason, message } = this.#readiness;
    const condition = {
      type: 'Ready',
      status: ready ? 'True' : 'False',
      reason,
      message,
      lastHeartbeatTime: formatTime(new Date()),
      lastTransitionTime: formatTime(this.#transition),
    };
    const nodeInfo = this.#info && { ...emptyNodeInfo, ...this.#info };
    const addresses = [{ type: 'Hostname', address: nodeName }];
    const status = { conditions: [condition], addresses, ...(nodeInfo ? { nodeInfo } : {}) };
    return await client.patch(nodeResource, nodeName, { status }, { type: 'strategic', subresource: 'status', signal });
  }
}

/** Fields that the API requires of NodeSystemInfo and that mean nothing without a kubelet. */
const emptyNodeInfo = { systemUUID: '', containerRuntimeVersion: '', kubeProxyVersion: '' };

async function renewLease(client: NodeClient, nodeName: string, signal: AbortSignal): Promise<void> {
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: leaseSeconds,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  };
  const options = { namespace: leaseNamespace, signal };
  try {
    await client.patch(leaseResource, nodeName, { spec }, options);
  } catch (error) {
    if (!isKubeError(error, 'NOT_FOUND')) throw error;
    const metadata = { name: nodeName, namespace: leaseNamespace };
    await client.create(
      leaseResource,
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
      options,
    );
  }
}
