// The informer, the queue and the event recorder against `varve up`, which is killed under them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { configMapResource, eventResource, type KubeObject, nodeResource } from '@varve/api';
import {
  type Change,
  type Connection,
  EventRecorder,
  Informer,
  isKubeError,
  KubeClient,
  keyOf,
  loadKubeconfig,
  WorkQueue,
} from '@varve/kube';
import { expect, test } from 'vitest';
import { eventually, freePort, Service } from './process.ts';

const quick = { backoff: { initial: 20, max: 200 } };
const namespace = 'default';

/** A `varve up` of its own that the test may kill, and a way in for an administrator. */
class ControlPlane implements AsyncDisposable {
  readonly connection: Connection;
  readonly #directory: string;
  readonly #service: Service;

  private constructor(directory: string, service: Service, connection: Connection) {
    this.#directory = directory;
    this.#service = service;
    this.connection = connection;
  }

  static async start(): Promise<ControlPlane> {
    const directory = await mkdtemp(join(tmpdir(), 'varve-informer-'));
    const state = join(directory, 'state');
    const args = ['up', '--state', state, '--listen', `127.0.0.1:${await freePort()}`];
    const service = new Service('server', args, join(directory, 'log'));
    service.start();
    const connection = await eventually('the kubeconfig is written', () => loadKubeconfig(join(state, 'kubeconfig')));
    const controlPlane = new ControlPlane(directory, service, connection);
    await controlPlane.#answers();
    return controlPlane;
  }

  async kill(): Promise<void> {
    await this.#service.kill();
  }

  async restart(): Promise<void> {
    this.#service.start();
    await this.#answers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    await using client = new KubeClient(this.connection);
    await eventually('the API server answers', async () => (await client.raw('/version')) !== undefined);
  }
}

/** An informer of config maps, what only a listener knows, and how often each failure came. */
class Observation implements AsyncDisposable {
  readonly client: KubeClient;
  readonly informer: Informer<KubeObject & { data?: Record<string, string> | undefined }>;
  readonly told = new Map<string, KubeObject>();
  readonly failures = new Set<string>();
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  constructor(connection: Connection) {
    this.client = new KubeClient(connection);
    this.informer = new Informer(this.client, configMapResource, {
      ...quick,
      namespace,
      onError: (error) => this.failures.add(isKubeError(error) ? error.code : String(error)),
    });
    this.informer.onChange((change) => this.#note(change));
    this.#running = this.informer.start(this.#end.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
    await this.client.close();
  }

  #note(change: Change<KubeObject>): void {
    if (change.type === 'added') expect(this.told.has(change.key)).toBe(false);
    else expect(this.told.get(change.key)?.metadata.uid).toBe(change.object.metadata.uid);
    if (change.type === 'deleted') this.told.delete(change.key);
    else this.told.set(change.key, change.object);
  }
}

/** Writes config maps at random until the abort, through all failures; knows for each name what was acknowledged last. */
async function writeAtRandom(client: KubeClient, signal: AbortSignal): Promise<Map<string, string | undefined>> {
  const acknowledged = new Map<string, string | undefined>();
  for (let version = 0; !signal.aborted; version += 1) {
    const name = `map-${Math.floor(Math.random() * 12)}`;
    const remove = Math.random() < 0.25;
    acknowledged.delete(name);
    try {
      if (remove) await client.delete(configMapResource, name, { namespace });
      else await put(client, name, String(version));
      acknowledged.set(name, remove ? undefined : String(version));
    } catch (error) {
      // After these the write may or may not have happened: nothing was promised.
      if (!isKubeError(error)) throw error;
      await sleep(10);
    }
  }
  return acknowledged;
}

async function put(client: KubeClient, name: string, version: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { version } };
  try {
    await client.patch(configMapResource, name, { data: { version } }, { namespace });
  } catch (error) {
    if (!isKubeError(error, 'NOT_FOUND')) throw error;
    await client.create(configMapResource, object);
  }
}

test('six kills in the middle of writes: the informer ends up with exactly what the server has', async () => {
  await using server = await ControlPlane.start();
  await using writer = new KubeClient(server.connection);
  await using seen = new Observation(server.connection);
  await seen.informer.synced();
  const end = new AbortController();
  const writing = writeAtRandom(writer, end.signal);
  for (let kills = 0; kills < 6; kills += 1) {
    await sleep(50 + Math.random() * 400);
    await server.kill();
    await sleep(Math.random() * 300);
    await server.restart();
  }
  await sleep(200);
  end.abort();
  const acknowledged = await writing;
  await put(writer, 'last', 'word');
  await eventually('the last write arrives', async () => seen.informer.get(`${namespace}/last`));

  const { items } = await writer.list(configMapResource, { namespace });
  const actual = new Map(items.map((item) => [keyOf(item), item]));
  expect(new Map(seen.informer.list().map((item) => [keyOf(item), item]))).toEqual(actual);
  expect(seen.told).toEqual(actual);
  for (const [name, version] of acknowledged) {
    expect(actual.get(`${namespace}/${name}`)?.data?.version, name).toBe(version);
  }
  expect(seen.failures).toContain('UNREACHABLE');
});

test('more objects than a page are listed whole while they change', async () => {
  await using server = await ControlPlane.start();
  await using client = new KubeClient(server.connection);
  const names = Array.from({ length: 1_100 }, (_, index) => `map-${String(index).padStart(4, '0')}`);
  for (let at = 0; at < names.length; at += 50) {
    await Promise.all(names.slice(at, at + 50).map((name) => put(client, name, '0')));
  }
  await using seen = new Observation(server.connection);
  await Promise.all([seen.informer.synced(), ...names.slice(0, 40).map((name) => put(client, name, '1'))]);
  await eventually(
    'all changes arrive',
    async () => {
      return seen.informer.list().filter((map) => map.data?.version === '1').length === 40;
    },
    120_000,
  );
  expect(seen.told.size).toBe(names.length);
});

test('a control loop of informer and queue brings every object to what is wanted, kills or not', async () => {
  await using server = await ControlPlane.start();
  await using client = new KubeClient(server.connection);
  const end = new AbortController();
  const informer = new Informer(client, nodeResource, quick);
  const queue = new WorkQueue(
    async (key, signal) => {
      const node = informer.get(key);
      if (node === undefined || node.metadata.labels?.size === node.metadata.labels?.wanted) return;
      const labels = { size: node.metadata.labels?.wanted };
      const { resourceVersion } = node.metadata;
      await client.patch(nodeResource, key, { metadata: { labels, resourceVersion } }, { signal });
    },
    { concurrency: 4, backoff: { initial: 20, max: 200 } },
  );
  informer.onChange(({ key }) => queue.add(key));
  const running = Promise.all([informer.start(end.signal), queue.run(end.signal)]);
  for (let index = 0; index < 30; index += 1) {
    const metadata = { name: `node-${index}`, labels: { wanted: String(index) } };
    await client.create(nodeResource, { apiVersion: 'v1', kind: 'Node', metadata });
  }
  await server.kill();
  await server.restart();
  for (let index = 0; index < 30; index += 3) {
    await client.patch(nodeResource, `node-${index}`, { metadata: { labels: { wanted: 'other' } } });
  }
  await eventually(
    'all nodes have what is wanted',
    async () => {
      const { items } = await client.list(nodeResource);
      return items.length === 30 && items.every(({ metadata: { labels } }) => labels?.size === labels?.wanted);
    },
    120_000,
  );
  end.abort();
  await running;
});

test('events are taken by the server, repeats are counted, and a restart that forgets them harms nothing', async () => {
  await using server = await ControlPlane.start();
  await using client = new KubeClient(server.connection);
  const failures: unknown[] = [];
  await using recorder = new EventRecorder(client, { component: 'test', onError: (error) => failures.push(error) });
  const node = await client.create(nodeResource, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'host-1' } });
  for (let count = 0; count < 3; count += 1) {
    recorder.record(node, 'Normal', 'Staged', 'The image is there.');
    await recorder.flush();
  }
  const fieldSelector = 'involvedObject.name=host-1,reason=Staged';
  expect((await client.list(eventResource, { fieldSelector })).items).toMatchObject([{ reason: 'Staged', count: 3 }]);
  await server.kill();
  await server.restart();
  recorder.record(node, 'Normal', 'Staged', 'The image is there.');
  await recorder.flush();
  expect((await client.list(eventResource, { fieldSelector })).items).toMatchObject([{ reason: 'Staged', count: 1 }]);
  expect(failures).toEqual([]);
});
