// The agent against the real API server, controllers and OSTree: joining with its refusals, a rollout by kubectl's
// objects, drift, failures, and a control plane that goes away.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, hostStatus, joinByFile, joinHost, runAgent, stateDirectoryOf, writeJoinFile } from '@varve/agent';
import {
  createSigningKeys,
  eventResource,
  followKeys,
  leaseResource,
  type MachineConfigNode,
  type MachineConfigNodeStatus,
  type MachineConfigSpec,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  nodeResource,
  rotateSigningKeys,
  secretResource,
} from '@varve/api';
import { nodeRole, type Store, startTestServer, type TestServer } from '@varve/apiserver';
import { startControllers } from '@varve/controllers';
import { certificatePin, isKubeError, KubeClient, loadKubeconfig, signCertificateRequest } from '@varve/kube';
import { parseDigest } from '@varve/oci';
import spawn from 'nano-spawn';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { shiftClock } from '../packages/agent/src/faults/clock.ts';
import { bootableContent, FixtureRegistry } from '../packages/agent/src/fixtures/registry.ts';
import { Cable } from './cable.ts';
import { eventually } from './process.ts';

const token = { id: 'abcdef', secret: '0123456789abcdef' };
const expired = { id: 'expire', secret: '0123456789abcdef' };
const registryOptions = { insecure: true, retry: { attempts: 2, firstDelay: 50 } };

let server: TestServer;
let registry: FixtureRegistry;
let client: KubeClient;
let directory: string;
let running: Promise<void>;
/** Milliseconds; as the controller wants it while undefined. */
let validity: number | undefined;
let signingKeys = createSigningKeys();
const onRotation = new Set<() => void>();
const stop = new AbortController();
const agents: Agent[] = [];

/** An agent in this process, "rebooting" as often as it asks. */
class Agent {
  readonly sysroot: string;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(sysroot: string) {
    this.sysroot = sysroot;
    agents.push(this);
  }

  start(): void {
    this.#stop = new AbortController();
    const options = { sysroot: this.sysroot, signal: this.#stop.signal, registry: registryOptions };
    this.#running = (async () => {
      while ((await runAgent(options)) === 'reboot');
    })();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

/** What a host may read besides its own objects, as `varve up` decides it. */
function hostRole(store: Store) {
  return nodeRole({
    store,
    ownResources: ['nodes', 'machineconfignodes.machineconfiguration.openshift.io'],
    relatedResources: ['machineconfigs.machineconfiguration.openshift.io'],
    async relatedNames(node) {
      const state = await client.get(machineConfigNodeResource, node);
      return new Set([state.spec.configVersion.desired, state.status?.configVersion?.current ?? '']);
    },
  });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-agent-'));
  registry = await FixtureRegistry.start();
  server = await startTestServer({
    roles: (store) => [hostRole(store)],
  });
  client = new KubeClient(await loadKubeconfig(server.kubeconfig));
  for (const [{ id, secret }, expiration] of [
    [token, '2099-01-01T00:00:00Z'],
    [expired, '2020-01-01T00:00:00Z'],
  ] as const) {
    await client.create(secretResource, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: `bootstrap-token-${id}`,
        namespace: 'kube-system',
        annotations: { 'varve.dev/node-labels': 'node-role.kubernetes.io/worker=' },
      },
      type: 'bootstrap.kubernetes.io/token',
      stringData: { 'token-id': id, 'token-secret': secret, 'usage-bootstrap-authentication': 'true', expiration },
    });
  }
  running = startControllers({
    client,
    signer: (pem, options) => signCertificateRequest(server.authority, pem, { validity: validity ?? options.validity }),
    resolveImage: async (reference) => parseDigest(reference.replace(/.*@/, '')),
    checkImage: async () => {},
    logger: pino({ level: 'silent' }),
    signal: stop.signal,
    signingKeys: { current: () => signingKeys, onChange: (listener) => onRotation.add(listener) },
    settle: 100,
  });
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
});

afterAll(async () => {
  stop.abort();
  await running.catch(() => {});
  await client.close();
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await spawn('find', [
    directory,
    '-path',
    '*/deploy/*/deploy/*',
    '-prune',
    '-type',
    'd',
    '-exec',
    'chattr',
    '-i',
    '{}',
    '+',
  ]);
  await rm(directory, { recursive: true, force: true });
});

const pin = (): string => certificatePin(server.authority.certificate);

function joinOptions(
  name: string,
  change: Partial<Parameters<typeof joinHost>[0]> = {},
): Parameters<typeof joinHost>[0] {
  return {
    server: server.url,
    token: `${token.id}.${token.secret}`,
    caPin: pin(),
    nodeName: name,
    stateDirectory: stateDirectoryOf(join(directory, name)),
    timeout: 120_000,
    ...change,
  };
}

async function state(name: string): Promise<MachineConfigNode> {
  return await client.get(machineConfigNodeResource, name);
}

function condition(status: MachineConfigNodeStatus | undefined, type: string) {
  return status?.conditions?.find((candidate) => candidate.type === type);
}

async function updated(name: string, holds: (found: MachineConfigNode) => boolean): Promise<MachineConfigNode> {
  return await eventually(`${name} is updated`, async () => {
    const found = await state(name);
    const isCurrent = found.status?.observedGeneration === found.metadata.generation;
    return isCurrent && condition(found.status, 'Updated')?.status === 'True' && holds(found) && found;
  });
}

async function applyConfig(name: string, role: string, spec: MachineConfigSpec): Promise<void> {
  const labels = { 'machineconfiguration.openshift.io/role': role };
  const object = {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    metadata: { name, labels },
    spec,
  };
  try {
    await client.create(machineConfigResource, object);
  } catch (error) {
    if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
    await client.patch(machineConfigResource, name, { spec });
  }
}

test('a join is refused with a reason, and leaves nothing that a later one stumbles over', async () => {
  const name = 'refused';
  const code = (change: Partial<Parameters<typeof joinHost>[0]>) =>
    joinHost(joinOptions(name, change)).catch((error) => error.code);
  expect(await code({ token: 'abcdef.fedcba9876543210' })).toBe('JOIN_TOKEN_REJECTED');
  expect(await code({ token: `${expired.id}.${expired.secret}` })).toBe('JOIN_TOKEN_REJECTED');
  expect(await code({ caPin: `sha256:${'0'.repeat(64)}` })).toBe('PIN_MISMATCH');
  expect(await code({ server: 'https://127.0.0.1:9' })).toBe('UNREACHABLE');
  expect(await code({ nodeName: 'Not A Name' })).toBe('IDENTITY_INVALID');
  expect(await joinHost(joinOptions(name))).toMatchObject({ nodeName: name, joinedNow: true });
  expect(await joinHost(joinOptions(name))).toMatchObject({ nodeName: name, joinedNow: false });
});

test('a name that is taken waits for an administrator, over several attempts', async () => {
  await joinHost(joinOptions('taken'));
  const second = { stateDirectory: stateDirectoryOf(join(directory, 'taken-2')) };
  const error = await joinHost(joinOptions('taken', { ...second, timeout: 1500 })).catch((cause) => cause);
  expect(error).toMatchObject({ code: 'JOIN_PENDING' });
  const request = /kubectl certificate approve (\S+?)`/.exec(error.message)?.[1] ?? '';
  await spawn('kubectl', [`--kubeconfig=${server.kubeconfig}`, 'certificate', 'approve', request]);
  expect(await joinHost(joinOptions('taken', second))).toMatchObject({ joinedNow: true });
  const denied = { stateDirectory: stateDirectoryOf(join(directory, 'taken-3')), timeout: 1500 };
  const pending = await joinHost(joinOptions('taken', denied)).catch((cause) => cause);
  const other = /kubectl certificate approve (\S+?)`/.exec(pending.message)?.[1] ?? '';
  await spawn('kubectl', [`--kubeconfig=${server.kubeconfig}`, 'certificate', 'deny', other]);
  await expect(joinHost(joinOptions('taken', denied))).rejects.toMatchObject({ code: 'JOIN_DENIED' });
});

test('a host with a join file joins by itself when the control plane is there, and keeps no token', async () => {
  await using cable = await Cable.to(server.url);
  const path = join(directory, 'join.json');
  const file = { server: cable.url, token: `${token.id}.${token.secret}`, caHash: pin(), name: 'first-boot' };
  const told: string[] = [];
  const onProgress = (message: string) => void told.push(message);
  const stateDirectory = stateDirectoryOf(join(directory, 'first-boot'));
  const options = { path, firstBoot: true, stateDirectory, onProgress };

  const expires = '2020-01-01T00:00:00Z';
  await writeJoinFile(path, { ...file, token: `${expired.id}.${expired.secret}`, expires });
  await expect(joinByFile(options)).rejects.toMatchObject({
    code: 'JOIN_TOKEN_REJECTED',
    message: expect.stringContaining(`it expired at ${expires}`),
  });

  await writeJoinFile(path, file);
  cable.pullOut();
  const joining = joinByFile(options);
  await eventually('it tries again', async () => told.filter((message) => message.includes('trying again')).length > 1);
  cable.plugIn();
  expect(await joining).toMatchObject({ nodeName: 'first-boot', joinedNow: true });
  await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await state('first-boot')).metadata.name).toBe('first-boot');
  expect(told.join('\n')).not.toContain(token.secret);

  // Killed before the file was removed, it has nothing to do but that.
  await writeJoinFile(path, file);
  expect(await joinByFile(options)).toMatchObject({ joinedNow: false });
  await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a host follows its pool: staged, applied, verified; drift and failures are told, and are over when their cause is', async () => {
  const name = 'host';
  const sysroot = join(directory, name);
  const base = registry.add(bootableContent('1'));
  const next = registry.add(bootableContent('2'));
  await createHost({ sysroot, image: base, kernelArguments: ['root=LABEL=root', 'rw'], registry: registryOptions });
  await joinHost(joinOptions(name));
  await client.create(machineConfigPoolResource, {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name: 'worker' },
    spec: {
      machineConfigSelector: { matchLabels: { 'machineconfiguration.openshift.io/role': 'worker' } },
      nodeSelector: { matchLabels: { 'kubernetes.io/hostname': name } },
    },
  });
  const files = [{ path: '/etc/motd', mode: 0o640, contents: { source: 'data:,managed%0A' } }];
  const config = { ignition: { version: '3.4.0' }, storage: { files } };
  await applyConfig('50-first', 'worker', { osImageURL: next, kernelArguments: ['quiet'], config });
  const agent = new Agent(sysroot);
  agent.start();

  // The pool may have had a target before it saw the config.
  const done = await updated(name, (found) => found.status?.booted?.kernelArguments?.includes('quiet') === true);
  const rendered = done.spec.configVersion.desired;
  expect(done.status?.configVersion).toEqual({ current: rendered, desired: rendered });
  expect(done.status?.booted?.kernelArguments).toEqual(['root=LABEL=root', 'rw', 'quiet']);
  expect(next).toContain(done.status?.booted?.imageDigest);
  expect(base).toContain(done.status?.rollback?.imageDigest);
  expect(done.status?.update).toMatchObject({ step: 'Done', staged: rendered });
  expect(condition(done.status, 'NodeDegraded')?.status).toBe('False');
  const node = await eventually('the node is ready', async () => {
    const found = await client.get(nodeResource, name);
    return found.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') && found;
  });
  expect(node.status?.nodeInfo).toMatchObject({ osImage: 'Test OS 2', kernelVersion: '6.1.0-varve' });
  const lease = await client.get(leaseResource, name, { namespace: 'kube-node-lease' });
  expect(lease.spec?.holderIdentity).toBe(name);
  const host = await hostStatus(sysroot);
  const motd = join(host.booted.root, 'etc/motd');
  expect(await readFile(motd, 'utf8')).toBe('managed\n');

  await appendFile(motd, 'secret change\n');
  const drifted = await eventually('the drift is reported', async () => {
    const found = (await state(name)).status;
    return condition(found, 'ConfigDrift')?.status === 'True' && found;
  });
  expect(drifted.drift).toMatchObject([{ path: '/etc/motd', kind: 'Content' }]);
  expect(JSON.stringify(drifted)).not.toContain('secret change');
  await eventually('an event tells of the drift', async () => {
    const { items } = await client.list(eventResource, { namespace: 'default' });
    return items.some(({ reason, involvedObject }) => reason === 'ConfigDriftDetected' && involvedObject.name === name);
  });
  await writeFile(motd, 'managed\n');
  await eventually('the drift is over', async () => {
    return condition((await state(name)).status, 'ConfigDrift')?.status === 'False';
  });

  await applyConfig('60-broken', 'worker', { osImageURL: next.replace(/@.*/, `@sha256:${'0'.repeat(64)}`) });
  const failed = await eventually('the failure is reported', async () => {
    const found = (await state(name)).status;
    // Not while it tries again.
    return condition(found, 'NodeDegraded')?.status === 'True' && found?.update?.step === 'Failed' && found;
  });
  expect(failed.update).toMatchObject({ lastFailure: { code: 'IMAGE_NOT_FOUND', step: 'Staging' } });
  expect(failed.configVersion?.current).toBe(rendered);

  await agent.stop();
  await client.delete(machineConfigResource, '60-broken');
  await applyConfig('50-first', 'worker', { osImageURL: next, kernelArguments: ['quiet', 'audit=1'], config });
  agent.start();
  const { status: healed } = await updated(
    name,
    (found) => found.status?.booted?.kernelArguments?.includes('audit=1') === true,
  );
  expect(condition(healed, 'NodeDegraded')?.status).toBe('False');
  expect(healed?.update?.lastFailure).toBeUndefined();
  expect(healed?.booted?.kernelArguments).toEqual(['root=LABEL=root', 'rw', 'quiet', 'audit=1']);
});

test('a host follows a new configuration key, and the revoked one has nothing to say any more', async () => {
  const name = 'rotating';
  const sysroot = join(directory, name);
  const image = registry.add(bootableContent('1'));
  await createHost({ sysroot, image, kernelArguments: ['rw'], registry: registryOptions });
  await joinHost(joinOptions(name));
  const old = signingKeys;
  const trust = join(stateDirectoryOf(sysroot), 'host/trust.json');
  expect(JSON.parse(await readFile(trust, 'utf8'))).toMatchObject({ host: name, keys: { version: 1 } });
  await client.create(machineConfigPoolResource, {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name },
    spec: {
      machineConfigSelector: { matchLabels: { 'machineconfiguration.openshift.io/role': name } },
      nodeSelector: { matchLabels: { 'kubernetes.io/hostname': name } },
    },
  });
  const agent = new Agent(sysroot);
  agent.start();
  await applyConfig('70-rotating', name, { osImageURL: image, kernelArguments: ['first'] });
  const before = await updated(name, (found) => found.status?.booted?.kernelArguments?.includes('first') === true);

  signingKeys = rotateSigningKeys(old, { revoke: true });
  for (const listener of onRotation) listener();
  await applyConfig('70-rotating', name, { osImageURL: image, kernelArguments: ['second'] });
  await updated(name, (found) => found.status?.booted?.kernelArguments?.includes('second') === true);
  const held = followKeys(signingKeys.chain, undefined);
  expect(JSON.parse(await readFile(trust, 'utf8'))).toEqual({ host: name, ...held });

  // The control plane's own controllers would sign it again at once: without them the host is left to itself.
  await agent.stop();
  const desired = join(stateDirectoryOf(sysroot), 'agent/desired.json');
  const kept = JSON.parse(await readFile(desired, 'utf8'));
  const annotation = before.metadata.annotations?.['varve.dev/signed-target'];
  await writeFile(desired, JSON.stringify({ ...kept, envelope: annotation }));
  agent.start();
  await eventually('the host is back on what is signed now', async () => {
    const text = await readFile(desired, 'utf8');
    return !text.includes(annotation ?? '-');
  });
  expect((await hostStatus(sysroot)).kernelArguments).toContain('second');
});

test('a certificate is renewed before it ends, with a new key, and the agent goes on with it', async () => {
  const name = 'renewing';
  const sysroot = join(directory, name);
  const image = registry.add(bootableContent('1'));
  await createHost({ sysroot, image, kernelArguments: ['rw'], registry: registryOptions });
  // Most of this is left when it is due: a busy machine may need it.
  validity = 45_000;
  await joinHost(joinOptions(name));
  validity = undefined;
  const credential = join(stateDirectoryOf(sysroot), 'agent/identity/client.pem');
  const before = await readFile(credential, 'utf8');
  new Agent(sysroot).start();
  const after = await eventually('the certificate is renewed', async () => {
    const text = await readFile(credential, 'utf8');
    return text !== before && text;
  });
  const life = new X509Certificate(after).validToDate.getTime() - Date.now();
  expect(life).toBeGreaterThan(3_600_000);
  expect(createPrivateKey(after).export({ format: 'jwk' })).not.toEqual(
    createPrivateKey(before).export({ format: 'jwk' }),
  );
  const renewed = Date.now();
  await eventually('the lease is renewed with it', async () => {
    const lease = await client.get(leaseResource, name, { namespace: 'kube-node-lease' });
    return Date.parse(lease.spec?.renewTime ?? '') > renewed;
  });
});

test('a certificate that expired while the control plane was away: the host holds what it has until it is joined again', async () => {
  const name = 'expiring';
  const sysroot = join(directory, name);
  await using cable = await Cable.to(server.url);
  const image = registry.add(bootableContent('1'));
  await createHost({ sysroot, image, kernelArguments: ['rw'], registry: registryOptions });
  validity = 5_000;
  await joinHost(joinOptions(name, { server: cable.url }));
  validity = undefined;
  cable.pullOut();
  new Agent(sysroot).start();
  const credential = join(stateDirectoryOf(sysroot), 'agent/identity/client.pem');
  const expiry = new X509Certificate(await readFile(credential, 'utf8')).validToDate.getTime();
  await eventually('the certificate has expired', async () => Date.now() > expiry + 1_000);
  cable.plugIn();
  const before = Date.now();
  const again = { server: cable.url, timeout: 1_500 };
  const pending = await joinHost(joinOptions(name, again)).catch((cause) => cause);
  expect(pending).toMatchObject({ code: 'JOIN_PENDING' });
  await expect(client.get(leaseResource, name, { namespace: 'kube-node-lease' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect((await hostStatus(sysroot)).booted.image).toBe(image);
  const request = /kubectl certificate approve (\S+?)`/.exec(pending.message)?.[1] ?? '';
  await spawn('kubectl', [`--kubeconfig=${server.kubeconfig}`, 'certificate', 'approve', request]);
  await joinHost(joinOptions(name, { server: cable.url }));
  // The agent that runs takes the new certificate.
  await eventually('the host is back', async () => {
    const lease = await client.get(leaseResource, name, { namespace: 'kube-node-lease' });
    return Date.parse(lease.spec?.renewTime ?? '') > before;
  });
});

test('a control plane that is gone for a day: the host holds its config, sees drift, and tells of it later', async () => {
  const name = 'lonely';
  const sysroot = join(directory, name);
  await using cable = await Cable.to(server.url);
  const image = registry.add(bootableContent('1'));
  await createHost({ sysroot, image, kernelArguments: ['rw'], registry: registryOptions });
  await joinHost(joinOptions(name, { server: cable.url }));
  await client.create(machineConfigPoolResource, {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name },
    spec: {
      machineConfigSelector: { matchLabels: { 'machineconfiguration.openshift.io/role': name } },
      nodeSelector: { matchLabels: { 'kubernetes.io/hostname': name } },
    },
  });
  const files = [{ path: '/etc/motd', contents: { source: 'data:,managed%0A' } }];
  const config = { ignition: { version: '3.4.0' }, storage: { files } };
  await applyConfig('50-lonely', name, { osImageURL: image, config });
  const agent = new Agent(sysroot);
  agent.start();
  const { spec } = await updated(name, ({ spec: wanted }) => wanted.configVersion.desired !== '');

  cable.pullOut();
  using _day = shiftClock(24 * 60 * 60_000);
  const { booted } = await hostStatus(sysroot);
  await appendFile(join(booted.root, 'etc/motd'), 'by hand\n');
  // An agent that starts without a control plane knows what it is to be.
  await agent.stop();
  agent.start();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect((await hostStatus(sysroot)).booted.applied?.config).toBe(spec.configVersion.desired);

  cable.plugIn();
  const drifted = await eventually('the drift is told', async () => {
    const found = (await state(name)).status;
    return condition(found, 'ConfigDrift')?.status === 'True' && found;
  });
  expect(drifted.drift).toMatchObject([{ path: '/etc/motd', kind: 'Content' }]);
  await applyConfig('50-lonely', name, { osImageURL: image, kernelArguments: ['later'], config });
  const isLater = ({ status }: MachineConfigNode) => status?.booted?.kernelArguments?.includes('later') === true;
  await updated(name, (found) => isLater(found) && (found.status?.drift ?? []).length === 0);
});
