// The real controllers against the embedded API server, with twenty hosts that join, watch and report with a node's own
// rights. Whatever fails or is killed, no more hosts are down at once than the pool allows; each change is checked.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  certificateSigningRequestResource,
  createSigningKeys,
  eventResource,
  kubeletClientSigner,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigPool,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  machineConfigurationResource,
  nodeResource,
  roleLabel,
  type Secret,
  secretResource,
  textAt,
} from '@varve/api';
import { type NodeRoleOptions, nodeRole, type Store, startTestServer, type TestServer } from '@varve/apiserver';
import { explainNode, nodeLabelsAnnotation, type ResolveImage, startControllers } from '@varve/controllers';
import {
  type Connection,
  createCertificateRequest,
  createKey,
  Informer,
  isKubeError,
  KubeClient,
  parseCertificate,
  signCertificateRequest,
} from '@varve/kube';
import { digestOf, OciError } from '@varve/oci';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Faults, joinNode, SimulatedAgent } from './simulated-agent.ts';

const names = Array.from({ length: 20 }, (_, index) => `host-${String(index).padStart(2, '0')}`);
const maxUnavailable = 3;
const token = 'abcdef.0123456789abcdef';
const pace = 20;
const logger = pino({ level: process.env.VARVE_TEST_LOG ?? 'silent' });

const signingKeys = createSigningKeys();
const stop = new AbortController();
const running: Promise<unknown>[] = [];
const hosts = new Map<string, SimulatedHost>();
const down = new Set<string>();
let mostDown = 0;
let mostHolding = 0;
let server: TestServer;
let client: KubeClient;
let stopControllers: () => Promise<void> = async () => {};
/** What the registry answers for a tag; undefined while it is away. */
let tag: string | undefined;
let resolutions = 0;

const resolveImage: ResolveImage = async (reference) => {
  resolutions += 1;
  if (tag === undefined) throw new OciError('REGISTRY_UNREACHABLE', `cannot reach the registry of ${reference}`);
  return digestOf(Buffer.from(tag));
};

function runControllers(): void {
  const end = new AbortController();
  const ended = startControllers({
    client,
    signer: (pem, options) => signCertificateRequest(server.authority, pem, options),
    resolveImage,
    checkImage: async () => {},
    logger,
    signal: AbortSignal.any([stop.signal, end.signal]),
    signingKeys: { current: () => signingKeys, onChange: () => {} },
    settle: 50,
    heartbeatGracePeriod: 6_000,
  });
  stopControllers = async () => {
    end.abort();
    await ended;
  };
}

interface SimulatedHost {
  readonly agent: SimulatedAgent;
  readonly connection: Connection;
  readonly faults: Faults;
  crash: AbortController;
}

/** In the place of one that runs: a host has one agent. */
function startAgent(host: SimulatedHost): void {
  host.crash.abort();
  host.crash = new AbortController();
  const signal = AbortSignal.any([stop.signal, host.crash.signal]);
  const ended = host.agent.run(host.connection, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  running.push(ended);
}

async function joinHost(name: string): Promise<void> {
  const faults = { staging: 0, applying: 0 };
  const options = {
    name,
    server: { server: server.url, ca: server.authority.certificate },
    token,
    faults,
    pace,
    onDisruption: (host: string, isDown: boolean) => {
      if (isDown) down.add(host);
      else down.delete(host);
      mostDown = Math.max(mostDown, down.size);
    },
  };
  const connection = await joinNode(options, stop.signal);
  const agent = new SimulatedAgent(options);
  const host = { agent, connection, faults, crash: new AbortController() };
  hosts.set(name, host);
  startAgent(host);
}

/** Hosts that may be down by our doing, as the API shows it: counted at every change. */
function holds({ spec, status }: MachineConfigNode): boolean {
  const busy = ['Applying', 'Rebooting', 'Verifying'].includes(status?.update?.step ?? '');
  return busy || (spec.update?.phase === 'Applied' && status?.configVersion?.current !== spec.configVersion.desired);
}

async function watchSlots(): Promise<void> {
  const informer = new Informer(client, machineConfigNodeResource);
  informer.onChange(() => {
    mostHolding = Math.max(mostHolding, informer.list().filter(holds).length);
  });
  running.push(informer.start(stop.signal));
  await informer.synced();
}

async function eventually<T>(what: string, read: () => Promise<T | undefined | false>, timeout = 240_000): Promise<T> {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`${what} did not happen; ${await describeFleet()}`);
    await sleep(50);
  }
}

async function describeFleet(): Promise<string> {
  const states = (await client.list(machineConfigNodeResource)).items;
  const pool = await client.get(machineConfigPoolResource, 'web').catch(() => undefined);
  return JSON.stringify({
    pool: pool?.status,
    states: states.map(({ metadata, spec, status }) => [metadata.name, spec, status?.update]),
  });
}

function pool(): Promise<MachineConfigPool> {
  return client.get(machineConfigPoolResource, 'web');
}

async function condition(type: string): Promise<{ status: string; reason: string; message: string } | undefined> {
  return (await pool()).status?.conditions?.find((each) => each.type === type);
}

/** Everyone is on the pool's present target, and the pool says so. */
async function rolledOut(image: string | undefined): Promise<MachineConfigPool> {
  return eventually('the rollout', async () => {
    const now = await pool();
    const target = now.spec.configuration?.name;
    if (!target || now.status?.configuration?.name !== target || (await condition('Updated'))?.status !== 'True')
      return undefined;
    const rendered = await client.get(machineConfigResource, target);
    return rendered.spec.osImageURL === image ? now : undefined;
  });
}

async function applyConfig(name: string, spec: MachineConfig['spec']): Promise<void> {
  const object = {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    metadata: { name, labels: { [roleLabel]: 'web' } },
    spec,
  };
  try {
    await client.create(machineConfigResource, object);
  } catch (error) {
    if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
    const { metadata } = await client.get(machineConfigResource, name);
    await client.update(machineConfigResource, { ...object, metadata });
  }
}

function motd(text: string): MachineConfig['spec'] {
  const files = [{ path: '/etc/motd', mode: 420, contents: { source: `data:,${text}` } }];
  return { config: { ignition: { version: '3.4.0' }, storage: { files } } };
}

const states = 'machineconfignodes.machineconfiguration.openshift.io';
const configs = 'machineconfigs.machineconfiguration.openshift.io';

/** A host may read its own objects, and the configs that its own state names. */
function nodeAccess(store: Store): NodeRoleOptions {
  return {
    store,
    ownResources: ['nodes', states],
    relatedResources: [configs],
    relatedNames(node) {
      const state = store.get({ resource: states, namespace: '', name: node })?.object;
      const names = [
        textAt(state, 'spec', 'configVersion', 'desired'),
        textAt(state, 'status', 'configVersion', 'current'),
      ];
      return new Set(names.filter((name) => name !== ''));
    },
  };
}

const imageOf = (content: string) => `registry.example/os/web@${digestOf(Buffer.from(content))}`;

beforeAll(async () => {
  server = await startTestServer({ roles: (store) => [nodeRole(nodeAccess(store))] });
  client = new KubeClient({ server: server.url, ca: server.authority.certificate, token: server.token });
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'bootstrap-token-abcdef',
      namespace: 'kube-system',
      annotations: { [nodeLabelsAnnotation]: 'node-role.kubernetes.io/web=' },
    },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' },
  };
  await client.create(secretResource, secret);
  await watchSlots();
  runControllers();
});

afterAll(async () => {
  stop.abort();
  await Promise.allSettled(running);
  await stopControllers();
  await client.close();
  await server[Symbol.asyncDispose]();
});

it('enrolls hosts by token, with the labels of the token and a state of their own', async () => {
  await Promise.all(names.map((name) => joinHost(name)));
  const states = await eventually('twenty states', async () => {
    const { items } = await client.list(machineConfigNodeResource);
    return items.length === names.length && items;
  });
  expect(states[0]?.spec).toEqual({
    node: { name: states[0]?.metadata.name },
    pool: { name: '' },
    configVersion: { desired: '' },
  });
  const node = await client.get(nodeResource, 'host-00');
  expect(node.metadata.labels).toMatchObject({
    'node-role.kubernetes.io/web': '',
    'kubernetes.io/hostname': 'host-00',
  });
});

it('leaves the name of a host that exists to a human', async () => {
  const options = {
    name: 'host-00',
    server: { server: server.url, ca: server.authority.certificate },
    token,
    pace,
    onDisruption: () => {},
  };
  await client.delete(certificateSigningRequestResource, 'node-host-00');
  const impostor = joinNode(options, AbortSignal.any([stop.signal, AbortSignal.timeout(3_000)]));
  await expect(impostor).rejects.toThrow();
  const csr = await client.get(certificateSigningRequestResource, 'node-host-00');
  expect(csr.status?.conditions ?? []).toEqual([]);
  const events = await eventually('an event', async () => {
    const { items } = await client.list(eventResource, { namespace: 'default' });
    const found = items.filter((event) => event.reason === 'NodeExists');
    return found.length > 0 && found;
  });
  expect(events[0]?.message).toContain('kubectl certificate approve node-host-00');
  const time = new Date().toISOString();
  const approved = { type: 'Approved', status: 'True' as const, reason: 'ByHand', message: '', lastUpdateTime: time };
  const object = { ...csr, status: { conditions: [approved] } };
  await client.update(certificateSigningRequestResource, object, { subresource: 'approval' });
  await eventually('a certificate', async () => {
    const { status } = await client.get(certificateSigningRequestResource, 'node-host-00');
    return status?.certificate !== undefined;
  });
});

it('lets a host renew its own certificate, and no other host do it', async () => {
  const connection = hosts.get('host-01')?.connection;
  if (!connection) throw new Error('host-01 has not joined');
  await using host = new KubeClient(connection);
  const ask = async (csrName: string, name: string) => {
    const organizations = ['system:nodes'];
    const pem = createCertificateRequest({ commonName: `system:node:${name}`, organizations, key: createKey() });
    return host.create(certificateSigningRequestResource, {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: csrName },
      spec: { request: Buffer.from(pem).toString('base64'), signerName: kubeletClientSigner, usages: ['client auth'] },
    });
  };
  await ask('renewal', 'host-01');
  const certificate = await eventually('a renewed certificate', async () => {
    return (await client.get(certificateSigningRequestResource, 'renewal')).status?.certificate;
  });
  const renewed = parseCertificate(Buffer.from(certificate, 'base64').toString('utf8'));
  expect(renewed).toMatchObject({
    commonName: 'system:node:host-01',
    organizations: ['system:nodes'],
    clientAuth: true,
  });
  expect(renewed.notAfter.getTime() - Date.now()).toBeLessThanOrEqual(30 * 24 * 60 * 60_000);
  await expect(ask('theft', 'host-02')).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

it('rolls out slot by slot, and resolves the tag once although the registry is away at first', async () => {
  await client.create(machineConfigPoolResource, {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name: 'web' },
    spec: {
      machineConfigSelector: { matchLabels: { [roleLabel]: 'web' } },
      nodeSelector: { matchLabels: { 'node-role.kubernetes.io/web': '' } },
      maxUnavailable,
    },
  });
  await applyConfig('50-image', { osImageURL: 'registry.example/os/web:stable' });
  const trouble = await eventually('RenderDegraded', async () => {
    const render = await condition('RenderDegraded');
    return render?.status === 'True' && render;
  });
  expect(trouble).toMatchObject({ reason: 'REGISTRY_UNREACHABLE' });
  tag = 'first';
  const done = await rolledOut(imageOf('first'));
  expect(done.status).toMatchObject({
    machineCount: 20,
    updatedMachineCount: 20,
    readyMachineCount: 20,
    degradedMachineCount: 0,
  });
  expect(done.status?.resolvedImages).toMatchObject([
    { reference: 'registry.example/os/web:stable', digest: digestOf(Buffer.from('first')) },
  ]);
  const asked = resolutions;
  tag = 'moved';
  await applyConfig('60-motd', motd('hello'));
  await eventually('a second target', async () => (await pool()).spec.configuration?.source?.length === 2);
  await rolledOut(imageOf('first'));
  expect(resolutions).toBe(asked);
  expect(mostDown).toBeLessThanOrEqual(maxUnavailable);
  expect(mostHolding).toBeLessThanOrEqual(maxUnavailable);
  expect(mostHolding).toBe(maxUnavailable);
});

it('names the MachineConfig and field of a bad one, keeps the target, and goes on when it is put right', async () => {
  const before = (await pool()).spec.configuration?.name;
  await applyConfig('70-rt', { kernelType: 'realtime' });
  await applyConfig('71-64k', { kernelType: '64k-pages' });
  const trouble = await eventually('RenderDegraded', async () => {
    const render = await condition('RenderDegraded');
    return render?.reason === 'KERNEL_TYPE_CONFLICT' && render;
  });
  expect(trouble.message).toMatch(/70-rt.*realtime.*71-64k.*64k-pages/);
  expect(
    (
      await eventually('Degraded', async () => {
        const degraded = await condition('Degraded');
        return degraded?.status === 'True' && degraded;
      })
    ).message,
  ).toContain('70-rt');
  expect((await pool()).spec.configuration?.name).toBe(before);
  await client.delete(machineConfigResource, '70-rt');
  await client.delete(machineConfigResource, '71-64k');
  await eventually('recovery', async () => (await condition('Degraded'))?.status === 'False');
});

it('finishes within the limit although hosts fail, targets change, and controllers and agents are killed again and again', async () => {
  for (const [index, { faults }] of [...hosts.values()].entries()) {
    if (index % 4 === 0) faults.staging = 2;
    if (index % 5 === 0) faults.applying = 1;
  }
  let killing = true;
  const killer = (async () => {
    while (killing) {
      await sleep(100 + Math.random() * 700);
      await stopControllers();
      runControllers();
      const host = hosts.get(names[Math.floor(Math.random() * names.length)] ?? '');
      if (!host) continue;
      host.crash.abort();
      setTimeout(() => startAgent(host), 300 * Math.random());
    }
  })();
  for (const text of ['one', 'two', 'three']) {
    await applyConfig('60-motd', motd(text));
    await sleep(800);
  }
  await sleep(5_000);
  killing = false;
  await killer;
  const done = await rolledOut(imageOf('first'));
  const rendered = await client.get(machineConfigResource, done.spec.configuration?.name ?? '');
  expect(JSON.stringify(rendered.spec.config)).toContain('data:,three');
  expect(mostDown).toBeLessThanOrEqual(maxUnavailable);
  expect(mostHolding).toBeLessThanOrEqual(maxUnavailable);
});

it('stops a target that fails everywhere at the limit, says why, and leaves it when the target is taken back', async () => {
  for (const { faults } of hosts.values()) faults.applying = 1_000;
  const good = (await pool()).spec.configuration?.name;
  await applyConfig('60-motd', motd('bad'));
  const degraded = await eventually('failing hosts', async () => {
    const nodes = await condition('NodeDegraded');
    return nodes?.status === 'True' && (await pool()).status?.degradedMachineCount === maxUnavailable && nodes;
  });
  expect(degraded.message).toMatch(/host-\d\d: VERIFY_FAILED while Verifying: as the test wants it/);
  await sleep(1_000);
  const states = (await client.list(machineConfigNodeResource)).items;
  expect(states.filter((state) => state.status?.configVersion?.current === good)).toHaveLength(names.length);
  const waiting = states.find((state) => state.spec.update?.phase === 'Staged')?.metadata.name ?? '';
  const [now, nodes] = [await pool(), (await client.list(nodeResource)).items];
  const target = { config: now.spec.configuration?.name ?? '', image: imageOf('first') };
  const members = states.map((state) => ({
    name: state.metadata.name ?? '',
    node: nodes.find((node) => node.metadata.name === state.metadata.name),
    state,
  }));
  expect(explainNode(waiting, { pool: now, target, members })).toMatchObject({
    reason: 'WaitingForSlot',
    advice: expect.stringContaining('VERIFY_FAILED'),
  });
  for (const { faults } of hosts.values()) faults.applying = 0;
  await applyConfig('60-motd', motd('three'));
  await eventually('the old target', async () => (await pool()).spec.configuration?.name === good);
  await rolledOut(imageOf('first'));
  expect(mostDown).toBeLessThanOrEqual(maxUnavailable);
});

it('notices a silent host, takes hosts out of the pool with their labels, and states away with their nodes', async () => {
  await client.patch(nodeResource, 'host-19', { metadata: { labels: { 'node-role.kubernetes.io/web': null } } });
  await eventually('one host less', async () => (await pool()).status?.machineCount === 19);
  hosts.get('host-17')?.crash.abort();
  await eventually('a silent host', async () => {
    const { status } = await client.get(nodeResource, 'host-17');
    return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'Unknown';
  });
  await eventually('an unhealthy pool', async () => {
    return (await condition('Updated'))?.message.includes('not healthy on it: host-17');
  });
  hosts.get('host-18')?.crash.abort();
  await client.delete(nodeResource, 'host-18');
  await eventually('no state', async () => {
    const { items } = await client.list(machineConfigNodeResource);
    return !items.some((state) => state.metadata.name === 'host-18');
  });
  await eventually('two hosts less', async () => (await pool()).status?.machineCount === 18);
});

it('shows which rules decide what a change does to hosts', async () => {
  const own = { path: '/etc/app', actions: [{ type: 'None' as const }] };
  const { metadata } = await client.create(machineConfigurationResource, {
    apiVersion: 'operator.openshift.io/v1',
    kind: 'MachineConfiguration',
    metadata: { name: 'cluster' },
    spec: { nodeDisruptionPolicy: { files: [own] } },
  });
  const shown = await eventually('the rules are shown', async () => {
    const { status } = await client.get(machineConfigurationResource, 'cluster');
    return status?.observedGeneration === metadata.generation && status;
  });
  expect(shown?.nodeDisruptionPolicyStatus?.clusterPolicies).toMatchObject({
    files: expect.arrayContaining([own, { path: '/etc/nmstate/openshift', actions: [{ type: 'None' }] }]),
  });
});

it('meets no bug of the server', () => {
  expect(server.errors).toEqual([]);
});
