// The client, the informer and the queue behind a network with faults: nothing is missed, and nothing happens twice.
import { type Node, nodeResource } from '@varve/api';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Change } from './cache.ts';
import { KubeClient } from './client.ts';
import { isKubeError } from './error.ts';
import { FaultProxy } from './fault-proxy.fixture.ts';
import { FaultyServer } from './faulty-server.fixture.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { WorkQueue } from './work-queue.ts';

const backoff = { initial: 1, max: 10 };

async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 30_000, interval: 5 });
}

/** A controller that answers each node by making one of its own for it. */
class Controller implements AsyncDisposable {
  readonly client: KubeClient;
  readonly informer: Informer<Node>;
  readonly changes: Change<Node>[] = [];
  /** The nodes whose answer the server has confirmed. */
  readonly answered: string[] = [];
  readonly #end = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(proxy: FaultProxy, options: InformerOptions = {}) {
    this.client = new KubeClient(proxy.connection);
    this.informer = new Informer(this.client, nodeResource, { idleTimeout: 500, backoff, ...options });
    const queue = new WorkQueue((key, signal) => this.#answer(key, signal), { backoff });
    this.informer.onChange((change) => {
      this.changes.push(change);
      queue.add(change.key);
    });
    const { signal } = this.#end;
    this.#running = Promise.all([this.informer.start(signal), queue.run(signal)]);
  }

  async #answer(key: string, signal: AbortSignal): Promise<void> {
    const answer = `for-${key}`;
    const isDone = this.informer.get(answer) !== undefined;
    if (key.startsWith('for-') || isDone || this.informer.get(key) === undefined) return;
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: answer } };
    try {
      await this.client.create(nodeResource, node, { signal });
    } catch (error) {
      if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
    }
    this.answered.push(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
    await this.client.close();
  }
}

/** Each change follows from what was told before: no news is told twice, and none is left out that others build on. */
function expectConsistent(changes: readonly Change<Node>[]): Map<string, Node> {
  const known = new Map<string, Node>();
  for (const change of changes) {
    const old = known.get(change.key);
    expect(old === undefined, `${change.type} ${change.key}`).toBe(change.type === 'added');
    if (change.type === 'updated') {
      expect(change.old).toBe(old);
      expect(Number(change.object.metadata.resourceVersion)).toBeGreaterThan(Number(old?.metadata.resourceVersion));
    }
    if (change.type === 'deleted') known.delete(change.key);
    else known.set(change.key, change.object);
  }
  return known;
}

test.each([
  ['pages', false],
  ['streams', true],
])(
  'through any sequence of faults of the network, with lists in %s, each node gets its answer once',
  async (_, streaming) => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const event = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'remove' as const), name }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('cutAfter' as const), bytes: fc.integer({ min: 0, max: 9_000 }) }),
      },
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constantFrom('cut', 'halfOpen', 'stall', 'slow', 'heal', 'end' as const) }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('compact', 'restart' as const) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('pause' as const), time: fc.integer({ min: 1, max: 30 }) }) },
    );
    const run = async (events: readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[]) => {
      await using server = await FaultyServer.start();
      await using proxy = await FaultProxy.start(server.connection);
      await using controller = new Controller(proxy, { streaming });
      for (const each of events) {
        if ('name' in each) each.do === 'put' ? server.put(each.name) : server.remove(each.name);
        else if ('bytes' in each) proxy.cutAfter(each.bytes);
        else if ('time' in each) await new Promise((resolve) => setTimeout(resolve, each.time));
        else if (each.do === 'end') server.endWatches();
        else if (each.do === 'compact') server.compact();
        else if (each.do === 'restart') await server.vanish().then(() => server.listen());
        else if (each.do === 'cut') proxy.cut();
        else if (each.do === 'halfOpen') proxy.halfOpen();
        else if (each.do === 'stall') proxy.stall();
        else if (each.do === 'slow') proxy.slow();
        else proxy.heal();
      }
      proxy.heal();
      server.put('last');
      const wanted = server.names.filter((each) => !each.startsWith('for-')).map((each) => `for-${each}`);
      await eventually(() => {
        expect(server.names).toEqual(expect.arrayContaining(wanted));
        const seen = controller.informer.list().map((node) => node.metadata.name);
        expect(seen.toSorted()).toEqual(server.names);
      });
      expect(new Set(server.created).size).toBe(server.created.length);
      const known = expectConsistent(controller.changes);
      expect(new Set(known.values())).toEqual(new Set(controller.informer.list()));
    };
    await fc.assert(fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 30 }), run), {
      numRuns: 15,
      endOnFailure: true,
    });
  },
  240_000,
);

test('a watch on a half-open connection is given up by itself, and what happened meanwhile is told', async () => {
  await using server = await FaultyServer.start();
  await using proxy = await FaultProxy.start(server.connection);
  await using controller = new Controller(proxy);
  server.put('a');
  // A request on its way would have to be waited for much longer than a watch.
  await eventually(() => expect(controller.answered).toEqual(['a']));
  await eventually(() => expect(server.watching).toBe(1));
  proxy.halfOpen();
  server.put('b');
  await eventually(() => expect(server.names).toEqual(['a', 'b', 'for-a', 'for-b']));
  expectConsistent(controller.changes);
});

const waits: [string, (client: KubeClient) => Promise<unknown>][] = [
  ['a watch that falls silent', (client) => client.watch(nodeResource, { idleTimeout: 200 }).next()],
  ['a caller that waits no longer', (client) => client.get(nodeResource, 'a', { signal: AbortSignal.timeout(200) })],
];

test.each(waits)('after %s the idle neighbours of its connection are dropped', async (_, wait) => {
  await using server = await FaultyServer.start();
  await using proxy = await FaultProxy.start(server.connection);
  await using client = new KubeClient(proxy.connection);
  await Promise.all([1, 2, 3].map(() => client.list(nodeResource)));
  proxy.halfOpen();
  const before = proxy.accepted;
  await expect(wait(client)).rejects.toThrow();
  await client.list(nodeResource);
  expect(proxy.accepted).toBe(before + 1);
});

test('a server behind a slow line is waited for', async () => {
  await using server = await FaultyServer.start();
  await using proxy = await FaultProxy.start(server.connection);
  proxy.slow();
  await using controller = new Controller(proxy);
  for (let i = 0; i < 20; i += 1) server.put(`n${i}`, { padding: 'x'.repeat(500) });
  await eventually(() => expect(server.created).toHaveLength(20));
  expectConsistent(controller.changes);
});
