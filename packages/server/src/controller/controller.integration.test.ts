import { leaseResource, type MachineConfigPool, machineConfigPoolResource, secretResource } from '@varve/api';
import { startTestServer, type TestServer } from '@varve/apiserver';
import { KubeClient } from '@varve/kube';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runController } from './controller.ts';
import { type Stranger, startStranger } from './not-varve.fixture.ts';

const namespace = 'varve-system';
const logger = pino({ level: 'silent' });
const soon = { timeout: 60_000, interval: 50 };

let server: TestServer;
let stranger: Stranger;
let client: KubeClient;
beforeEach(async () => {
  server = await startTestServer();
  stranger = await startStranger(server);
  client = new KubeClient(stranger.connection);
  await client.raw('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: namespace } } });
});
afterEach(async () => {
  await client.close();
  await stranger[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** A process of that name, and how to end it. */
function start(identity: string): { end: () => Promise<void> } {
  const stop = new AbortController();
  const running = runController({ connection: stranger.connection, namespace, identity, logger, signal: stop.signal });
  return {
    async end() {
      stop.abort();
      await running;
    },
  };
}

async function leader(): Promise<string | undefined> {
  const lease = await client.get(leaseResource, 'varve-controller', { namespace }).catch(() => undefined);
  return lease?.spec?.holderIdentity?.split('_')[0];
}

async function createPool(name: string): Promise<void> {
  const apiVersion = 'machineconfiguration.openshift.io/v1';
  const matchLabels = { role: name };
  const spec = { machineConfigSelector: { matchLabels }, nodeSelector: { matchLabels } };
  await client.create(machineConfigPoolResource, { apiVersion, kind: 'MachineConfigPool', metadata: { name }, spec });
  const body = {
    apiVersion,
    kind: 'MachineConfig',
    metadata: { name, labels: matchLabels },
    spec: { kernelArguments: [name] },
  };
  await client.raw(`/apis/${apiVersion}/machineconfigs`, { method: 'POST', body });
}

async function renderedOf(name: string): Promise<MachineConfigPool['spec']['configuration']> {
  return (await client.get(machineConfigPoolResource, name)).spec.configuration;
}

test('of two processes one works, and the other goes on after it with the same key', async () => {
  const first = start('first');
  await vi.waitFor(async () => expect(await leader()).toBe('first'), soon);
  const second = start('second');
  try {
    await createPool('a');
    await vi.waitFor(async () => expect((await renderedOf('a'))?.name).toMatch(/^rendered-a-/), soon);
    const key = await client.get(secretResource, 'varve-configuration-key', { namespace });
    expect(await leader()).toBe('first');
    await first.end();
    await vi.waitFor(async () => expect(await leader()).toBe('second'), soon);
    await createPool('b');
    await vi.waitFor(async () => expect((await renderedOf('b'))?.name).toMatch(/^rendered-b-/), soon);
    expect((await client.get(secretResource, 'varve-configuration-key', { namespace })).data).toEqual(key.data);
  } finally {
    await second.end();
  }
  expect(await leader()).toBe('');
});

test('a leader that is taken over stops, and stands by', async () => {
  const first = start('first');
  try {
    await vi.waitFor(async () => expect(await leader()).toBe('first'), soon);
    const lease = await client.get(leaseResource, 'varve-controller', { namespace });
    const spec = { ...lease.spec, holderIdentity: 'other_1', leaseDurationSeconds: 1 };
    await vi.waitFor(async () => {
      const { metadata } = await client.get(leaseResource, 'varve-controller', { namespace });
      await client.update(leaseResource, { ...lease, metadata, spec });
    }, soon);
    await vi.waitFor(async () => expect(await leader()).toBe('first'), soon);
  } finally {
    await first.end();
  }
});

test('does not start where `varve up` runs the controllers', async () => {
  const connection = { server: server.url, ca: server.authority.certificate, token: server.token };
  const running = runController({
    connection,
    namespace,
    identity: 'one',
    logger,
    signal: AbortSignal.timeout(60_000),
  });
  await expect(running).rejects.toMatchObject({ code: 'OTHER_OPERATOR', message: expect.stringContaining('varve up') });
});
