// A bad image meets a pool: one host tries it, goes back and says why; no other host is touched. Agents and controllers
// in this process, a real API server, real OSTree sysroots.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, hostStatus, joinHost, runAgent, stateDirectoryOf } from '@varve/agent';
import {
  createSigningKeys,
  eventResource,
  type MachineConfigNode,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  nodeResource,
  secretResource,
} from '@varve/api';
import { nodeRole, startTestServer, type TestServer } from '@varve/apiserver';
import { startControllers } from '@varve/controllers';
import { certificatePin, KubeClient, loadKubeconfig, signCertificateRequest } from '@varve/kube';
import { parseDigest } from '@varve/oci';
import spawn from 'nano-spawn';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootableContent, FixtureRegistry, withShell } from '../packages/agent/src/fixtures/registry.ts';
import { eventually, run, varve } from './process.ts';

const names = ['first', 'second'] as const;
const registryOptions = { insecure: true, retry: { attempts: 2, firstDelay: 50 } };
const group = 'machineconfiguration.openshift.io';
const check =
  '#!/bin/sh\nread -r version < /etc/version\necho "the database does not start on $version"\n[ "$version" != bad ]\n';

let server: TestServer;
let registry: FixtureRegistry;
let client: KubeClient;
let directory: string;
let images: readonly [base: string, good: string, bad: string];
const stop = new AbortController();
const running: Promise<unknown>[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-health-'));
  registry = await FixtureRegistry.start();
  const add = (version: string) => registry.add(withShell(bootableContent(version)));
  images = [add('1'), add('2'), add('bad')];
  const role = (store: Parameters<typeof nodeRole>[0]['store']) =>
    nodeRole({
      store,
      ownResources: ['nodes', `machineconfignodes.${group}`],
      relatedResources: [`machineconfigs.${group}`],
      async relatedNames(node) {
        const { spec, status } = await client.get(machineConfigNodeResource, node);
        return new Set([spec.configVersion.desired, status?.configVersion?.current ?? '']);
      },
    });
  server = await startTestServer({ roles: (store) => [role(store)] });
  client = new KubeClient(await loadKubeconfig(server.kubeconfig));
  const signingKeys = createSigningKeys();
  running.push(
    startControllers({
      client,
      signer: (pem, options) => signCertificateRequest(server.authority, pem, options),
      resolveImage: async (reference) => parseDigest(reference.replace(/.*@/, '')),
      checkImage: async () => {},
      logger: pino({ level: 'silent' }),
      signal: stop.signal,
      signingKeys: { current: () => signingKeys, onChange: () => {} },
      settle: 100,
    }),
  );
  for (const name of names) await startHost(name);
});

afterAll(async () => {
  stop.abort();
  await Promise.allSettled(running);
  await client.close();
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  // OSTree makes the roots of deployments immutable.
  await spawn('chattr', ['-R', '-f', '-i', directory]).catch(() => {});
  await rm(directory, { recursive: true, force: true });
});

async function startHost(name: string): Promise<void> {
  const sysroot = join(directory, name);
  const id = name.slice(0, 5).padEnd(6, '0');
  const secret = '0123456789abcdef';
  await client.create(secretResource, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      ...{ 'token-id': id, 'token-secret': secret, 'usage-bootstrap-authentication': 'true' },
      expiration: '2099-01-01T00:00:00Z',
    },
  });
  await createHost({ sysroot, image: images[0], kernelArguments: ['rw'], registry: registryOptions });
  await joinHost({
    ...{ server: server.url, token: `${id}.${secret}`, caPin: certificatePin(server.authority.certificate) },
    ...{ nodeName: name, stateDirectory: stateDirectoryOf(sysroot), timeout: 120_000 },
  });
  const boots = async () => {
    while ((await runAgent({ sysroot, signal: stop.signal, registry: registryOptions })) === 'reboot');
  };
  running.push(boots());
}

async function applyImage(image: string): Promise<void> {
  const files = [
    {
      path: '/etc/varve/health.d/10-database',
      mode: 0o755,
      contents: { source: `data:,${encodeURIComponent(check)}` },
    },
    { path: '/etc/image', contents: { source: `data:,${encodeURIComponent(image)}` } },
  ];
  const spec = { osImageURL: image, config: { ignition: { version: '3.4.0' }, storage: { files } } };
  const metadata = { name: '50-web', labels: { [`${group}/role`]: 'web' } };
  const object = { apiVersion: `${group}/v1`, kind: 'MachineConfig', metadata, spec };
  await client.create(machineConfigResource, object).catch(async () => {
    await client.patch(machineConfigResource, '50-web', { spec });
  });
}

async function state(name: string): Promise<MachineConfigNode> {
  return await client.get(machineConfigNodeResource, name);
}

async function allOn(image: string): Promise<string> {
  return await eventually(`every host runs ${image}`, async () => {
    const { spec, status } = await client.get(machineConfigPoolResource, 'web');
    const states = await Promise.all(names.map(state));
    const target = spec.configuration?.name ?? '';
    const arrived = states.every((found) => found.status?.configVersion?.current === target);
    const isWanted = states.every((found) => image.endsWith(`@${found.status?.booted?.imageDigest}`));
    return arrived && isWanted && status?.configuration?.name === target && target;
  });
}

test('a bad image stops at the first host, which goes back and says why; a cordon is left as it is', async () => {
  await client.create(machineConfigPoolResource, {
    apiVersion: `${group}/v1`,
    kind: 'MachineConfigPool',
    metadata: { name: 'web' },
    spec: {
      machineConfigSelector: { matchLabels: { [`${group}/role`]: 'web' } },
      nodeSelector: { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [...names] }] },
      maxUnavailable: 1,
      // The control plane is reached by then, on a busy machine too.
      healthChecks: { deadlineSeconds: 30 },
    },
  });
  await applyImage(images[1]);
  const good = await allOn(images[1]);

  await applyImage(images[2]);
  const failed = await eventually('a host gave the bad image up', async () => {
    const states = await Promise.all(names.map(state));
    return states.find(({ status }) => {
      return (
        status?.update?.lastFailure?.final && status.configVersion?.current === good && status.update.step === 'Failed'
      );
    });
  });
  const name = failed.metadata.name ?? '';
  expect(failed.status?.update?.lastFailure).toMatchObject({
    ...{ code: 'HEALTH_FAILED', check: '/etc/varve/health.d/10-database', config: failed.spec.configVersion.desired },
    output: 'the database does not start on bad',
  });
  const degraded = failed.status?.conditions?.find(({ type }) => type === 'NodeDegraded');
  expect(degraded).toMatchObject({ status: 'True', reason: 'HealthFailed' });
  const { booted } = await hostStatus(join(directory, name));
  expect(booted.image).toBe(images[1]);
  expect(await readFile(join(booted.root, 'etc/image'), 'utf8')).toBe(images[1]);

  const why = await varve(['--kubeconfig', server.kubeconfig, 'why', name]);
  expect(why).toContain('HEALTH_FAILED: check /etc/varve/health.d/10-database ended with status 1');
  expect(why).toContain(`it runs ${good} again and does not try this target any more; it keeps its slot`);
  expect(why).toContain('check: the database does not start on bad');
  await eventually('an event tells of it', async () => {
    const { items } = await client.list(eventResource, { namespace: 'default' });
    return items.some(({ reason, message, involvedObject }) => {
      return reason === 'HostFailed' && involvedObject.name === name && message?.includes('HEALTH_FAILED');
    });
  });

  // The other host has staged it and is never given the slot.
  const other = names.find((candidate) => candidate !== name) ?? '';
  await eventually('the other host waits', async () => (await state(other)).status?.update?.step === 'Staged');
  expect(await varve(['--kubeconfig', server.kubeconfig, 'why', other])).toContain(`${name} holds its slot`);
  expect((await state(other)).spec.update?.phase).toBe('Staged');
  expect((await hostStatus(join(directory, other))).booted.image).toBe(images[1]);

  // A human cordons it, and a good target comes: the cordoned host waits, the failed one goes on.
  await run('kubectl', `--kubeconfig=${server.kubeconfig}`, 'cordon', other);
  // It counts as unavailable: one more may be.
  await client.patch(machineConfigPoolResource, 'web', { spec: { maxUnavailable: 2 } });
  await applyImage(images[0]);
  await eventually('the failed host is on the next target', async () => {
    const { spec, status } = await state(name);
    const isCurrent = status?.configVersion?.current === spec.configVersion.desired;
    const isOver = status?.update?.lastFailure === undefined;
    return isCurrent && isOver && images[0].endsWith(`@${status?.booted?.imageDigest}`);
  });
  expect((await client.get(nodeResource, other)).spec?.unschedulable).toBe(true);
  expect((await hostStatus(join(directory, other))).booted.image).toBe(images[1]);
  await run('kubectl', `--kubeconfig=${server.kubeconfig}`, 'uncordon', other);
  await allOn(images[0]);
});
