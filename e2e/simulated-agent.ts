// A host without a host: it joins, watches and reports over the real API with a node's rights, in the order in which the
// real agent does, and only pretends to stage and to boot.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  apiVersionOf,
  certificateSigningRequestResource,
  kubeletClientSigner,
  leaseResource,
  type MachineConfigNode,
  type MachineConfigNodeStatus,
  machineConfigNodeResource,
  machineConfigResource,
  nodeResource,
} from '@varve/api';
import {
  type Connection,
  createCertificateRequest,
  createKey,
  formatTime,
  Informer,
  isKubeError,
  KubeClient,
  setCondition,
} from '@varve/kube';

export interface Faults {
  /** How many of the next attempts to stage and to apply fail. */
  staging: number;
  applying: number;
}

export interface AgentOptions {
  readonly name: string;
  readonly server: Pick<Connection, 'server'> & { readonly ca: string };
  readonly token: string;
  readonly faults?: Faults;
  /** Milliseconds that each step takes, at most. */
  readonly pace: number;
  /** Told when the host goes down for an update, and when it is back. */
  readonly onDisruption: (name: string, down: boolean) => void;
}

/** A client certificate for the node, asked for with the token as a joining host does. */
export async function joinNode({ name, server, token }: AgentOptions, signal: AbortSignal): Promise<Connection> {
  await using client = new KubeClient({ ...server, token });
  const key = createKey();
  const request = createCertificateRequest({
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    key,
  });
  const csrName = `node-${name}`;
  await client.create(
    certificateSigningRequestResource,
    {
      apiVersion: apiVersionOf(certificateSigningRequestResource),
      kind: 'CertificateSigningRequest',
      metadata: { name: csrName },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: kubeletClientSigner,
        usages: ['digital signature', 'client auth'],
      },
    },
    { signal },
  );
  for (;;) {
    const csr = await client.get(certificateSigningRequestResource, csrName, { signal });
    const refusal = csr.status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refusal) throw new Error(`${name} was refused: ${refusal.message}`);
    if (csr.status?.certificate) {
      return { ...server, cert: Buffer.from(csr.status.certificate, 'base64').toString('utf8'), key };
    }
    await sleep(50, undefined, { signal });
  }
}

export class SimulatedAgent {
  readonly #options: AgentOptions;
  readonly #faults: Faults;
  /** Outlives a crash of the agent, like the disk of a host. */
  #current: string | undefined;
  #staged: string | undefined;
  #view: MachineConfigNodeStatus = {};

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#faults = options.faults ?? { staging: 0, applying: 0 };
  }

  /** Runs until the abort, which is a crash: nothing is told to anyone. Run again, it goes on from what is on disk. */
  async run(connection: Connection, signal: AbortSignal): Promise<void> {
    await using client = new KubeClient(connection);
    const { name, pace, onDisruption } = this.#options;
    // An agent that runs is a host that has booted.
    onDisruption(name, false);
    const informer = new Informer(client, machineConfigNodeResource, { fieldSelector: `metadata.name=${name}` });
    let wake = Promise.withResolvers<void>();
    informer.onChange(() => wake.resolve());
    const watching = informer.start(signal);
    this.#view = {
      configVersion: { ...(this.#current !== undefined && { current: this.#current }) },
      update: { ...(this.#staged !== undefined && { staged: this.#staged }) },
    };
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      try {
        await this.#setReady(client, true, signal);
        const state = informer.get(name);
        if (state) await this.#pass(client, state, signal);
      } catch (error) {
        if (!signal.aborted && !isKubeError(error)) throw error;
      }
      await Promise.race([wake.promise, sleep(20 * pace, undefined, { signal }).catch(() => {})]);
    }
    await watching;
  }

  async #pass(client: KubeClient, state: MachineConfigNode, signal: AbortSignal): Promise<void> {
    const desired = state.spec.configVersion.desired;
    this.#note({ ...this.#view, observedGeneration: state.metadata.generation });
    if (desired === '' || this.#current === desired) {
      await this.#step(client, this.#current === desired ? 'Done' : 'Idle', desired, signal);
      return;
    }
    if (this.#staged !== desired) await this.#stage(client, desired, signal);
    if (this.#staged !== desired || state.spec.update?.phase !== 'Applied') {
      await this.#report(client, signal);
      return;
    }
    await this.#apply(client, desired, signal);
  }

  async #stage(client: KubeClient, desired: string, signal: AbortSignal): Promise<void> {
    await this.#step(client, 'Staging', desired, signal);
    await client.get(machineConfigResource, desired, { signal });
    await this.#pause(signal);
    if (this.#faults.staging > 0) {
      this.#faults.staging -= 1;
      await this.#fail(client, 'DISK_FULL', 'Staging', desired, signal);
      return;
    }
    this.#staged = desired;
    this.#note({ ...this.#view, update: { ...this.#view.update, staged: desired } });
    await this.#step(client, 'Staged', desired, signal);
  }

  /** Begins before it reports, as the real one may. */
  async #apply(client: KubeClient, desired: string, signal: AbortSignal): Promise<void> {
    const { name, onDisruption } = this.#options;
    onDisruption(name, true);
    for (const step of ['Applying', 'Rebooting', 'Verifying'] as const) {
      await this.#insist(() => this.#step(client, step, desired, signal), signal);
      if (step === 'Rebooting') await this.#insist(() => this.#setReady(client, false, signal), signal);
      await this.#pause(signal);
    }
    const fails = this.#faults.applying > 0;
    if (fails) this.#faults.applying -= 1;
    else this.#current = desired;
    await this.#insist(() => this.#setReady(client, true, signal), signal);
    onDisruption(name, false);
    if (fails) await this.#fail(client, 'VERIFY_FAILED', 'Verifying', desired, signal);
    else await this.#step(client, 'Done', desired, signal);
  }

  async #fail(
    client: KubeClient,
    code: string,
    step: 'Staging' | 'Verifying',
    config: string,
    signal: AbortSignal,
  ): Promise<void> {
    const lastFailure = { code, message: 'as the test wants it', config, step, time: new Date().toISOString() };
    this.#note({ ...this.#view, update: { ...this.#view.update, lastFailure } });
    await this.#step(client, 'Failed', config, signal);
  }

  async #step(
    client: KubeClient,
    step: NonNullable<NonNullable<MachineConfigNodeStatus['update']>['step']>,
    config: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { lastFailure, ...update } = this.#view.update ?? {};
    const done = step === 'Done';
    this.#note({
      ...this.#view,
      configVersion: { desired: config, ...(this.#current !== undefined && { current: this.#current }) },
      update: { ...update, step, config, ...(lastFailure && !done && { lastFailure }) },
      conditions: [
        ...setCondition(this.#view.conditions ?? [], {
          type: 'NodeDegraded',
          status: step === 'Failed' || (lastFailure && !done) ? 'True' : 'False',
          reason: step,
          message: '',
        }),
      ],
    });
    await this.#report(client, signal);
  }

  #note(view: MachineConfigNodeStatus): void {
    this.#view = view;
  }

  async #report(client: KubeClient, signal: AbortSignal): Promise<void> {
    const patch = [{ op: 'add', path: '/status', value: this.#view }];
    await client.patch(machineConfigNodeResource, this.#options.name, patch, {
      type: 'json',
      subresource: 'status',
      signal,
    });
  }

  async #setReady(client: KubeClient, ready: boolean, signal: AbortSignal): Promise<void> {
    const { name } = this.#options;
    const time = formatTime(new Date());
    const condition = {
      type: 'Ready',
      status: ready ? 'True' : 'False',
      reason: 'Test',
      message: '',
      lastHeartbeatTime: time,
    };
    await client.patch(
      nodeResource,
      name,
      { status: { conditions: [condition] } },
      { type: 'strategic', subresource: 'status', signal },
    );
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: 40,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    };
    const lease = {
      apiVersion: apiVersionOf(leaseResource),
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec,
    };
    try {
      await client.patch(leaseResource, name, { spec }, { namespace: 'kube-node-lease', signal });
    } catch (error) {
      if (!isKubeError(error, 'NOT_FOUND')) throw error;
      await client.create(leaseResource, lease, { signal });
    }
  }

  /** A host that is down for an update cannot stop halfway because the server is away. */
  async #insist(action: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await action();
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!isKubeError(error)) throw error;
        await sleep(50, undefined, { signal });
      }
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await sleep(Math.random() * this.#options.pace, undefined, { signal });
  }
}
