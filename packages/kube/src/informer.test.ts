import { type Node, nodeResource } from '@varve/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { answer, answerStatus, type Fault, FaultyServer } from './faulty-server.fixture.ts';
import { eventually, lists, Observation, quick } from './informer.fixture.ts';
import { Informer } from './informer.ts';

test('what exists is added, then changes arrive, from exactly where the list ended', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['a', 'b', 'c']) server.put(name);
  await using seen = new Observation(server, { fieldSelector: 'x=y', labelSelector: 'l' });
  await seen.informer.synced();
  expect(seen.told).toEqual(['added a', 'added b', 'added c']);
  server.put('b');
  server.remove('a');
  server.put('d');
  await eventually(() => expect(seen.told.slice(3)).toEqual(['updated b', 'deleted a', 'added d']));
  expect(seen.informer.get('b')?.metadata.resourceVersion).toBe('104');
  expect(seen.informer.get('a')).toBeUndefined();
  expect(server.requests.at(-1)).toBe(
    'GET /api/v1/nodes?labelSelector=l&fieldSelector=x%3Dy&watch=true&allowWatchBookmarks=true&resourceVersion=103',
  );
  expect(seen.errors).toEqual([]);
});

test('a watch that ends in good order goes on where it was, without a list', async () => {
  await using server = await FaultyServer.start();
  server.put('a');
  await using seen = new Observation(server);
  await eventually(() => expect(server.watching).toBe(1));
  server.put('b');
  server.bookmark();
  await eventually(() => expect(seen.told).toHaveLength(2));
  server.endWatches();
  server.put('c');
  await eventually(() => expect(seen.told).toEqual(['added a', 'added b', 'added c']));
  expect(lists(server)).toBe(1);
  expect(seen.errors).toEqual([]);
});

test('a bookmark moves the place to go on from, so that forgotten history does not matter', async () => {
  await using server = await FaultyServer.start();
  await using seen = new Observation(server, { fieldSelector: 'metadata.name=a' });
  await eventually(() => expect(server.watching).toBe(1));
  server.put('z');
  server.compact();
  server.bookmark();
  await eventually(() => expect(seen.told).toHaveLength(1));
  server.endWatches();
  await eventually(() => expect(server.requests.at(-1)).toContain('resourceVersion=101'));
  await eventually(() => expect(server.watching).toBe(1));
  expect(lists(server)).toBe(1);
});

test('after 410 a list finds what was missed: added, changed, deleted, and made again under the same name', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['same', 'changed', 'gone', 'again']) server.put(name);
  await using seen = new Observation(server);
  await eventually(() => expect(server.watching).toBe(1));
  const before = seen.changes.length;
  server.watchFaults.push((_, response) => {
    server.put('changed');
    server.remove('gone');
    server.remove('again');
    server.put('again');
    server.put('new');
    server.compact();
    answerStatus(response, 410, 'Expired', 'too old resource version');
  });
  server.endWatches();
  await eventually(() => expect(seen.told.length - before).toBe(5));
  expect(seen.told.slice(before).sort()).toEqual([
    'added again',
    'added new',
    'deleted again',
    'deleted gone',
    'updated changed',
  ]);
  expect(seen.codes).toEqual(['EXPIRED']);
  expect(seen.names).toEqual(server.names);
});

test('a server that is killed and comes back, also with an older state, is followed', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['a', 'b']) server.put(name);
  await using seen = new Observation(server);
  await eventually(() => expect(server.watching).toBe(1));
  await server.vanish();
  server.remove('a');
  server.put('c');
  await eventually(() => expect(seen.codes).toContain('UNREACHABLE'));
  expect(seen.names).toEqual(['a', 'b']);
  await server.listen();
  await eventually(() => expect(seen.names).toEqual(['b', 'c']));
  await eventually(() => expect(server.watching).toBe(1));
  await server.vanish();
  server.rewind(3, ['old']);
  await server.listen();
  await eventually(() => expect(seen.names).toEqual(['old']));
  server.put('newer');
  await eventually(() => expect(seen.names).toEqual(['newer', 'old']));
});

test('a server that went back in time behind an open connection is noticed by its bookmark', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['a', 'b']) server.put(name);
  await using seen = new Observation(server);
  await eventually(() => expect(server.watching).toBe(1));
  server.rewind(3, []);
  server.bookmark();
  await eventually(() => expect(seen.names).toEqual([]));
  expect(seen.codes).toEqual(['EXPIRED']);
});

test('a server that is not there yet is waited for', async () => {
  await using server = await FaultyServer.start();
  server.put('a');
  await server.vanish();
  await using seen = new Observation(server);
  await eventually(() => expect(seen.errors.length).toBeGreaterThan(2));
  await server.listen();
  await seen.informer.synced();
  expect(seen.names).toEqual(['a']);
});

test('a stream that stalls is given up after the idle bound, and goes on without a list', async () => {
  await using server = await FaultyServer.start();
  await using seen = new Observation(server, { idleTimeout: 300 });
  server.watchFaults.push((_, response) => response.writeHead(200).flushHeaders());
  await seen.informer.synced();
  server.put('a');
  await eventually(() => expect(seen.told).toEqual(['added a']));
  expect(seen.codes[0]).toBe('TIMEOUT');
  expect(lists(server)).toBe(1);
});

const badWatches: [string, Fault][] = [
  ['garbage', (_, response) => response.writeHead(200).end('<html>\n')],
  ['half a line', (_, response) => response.writeHead(200).end('{"type":"ADD')],
  ['another kind', (_, response) => response.writeHead(200).end('{"type":"ADDED","object":{"kind":"Pod"}}\n')],
  ['a 500', (_, response) => answerStatus(response, 500, 'InternalError', 'oops')],
  ['a 403', (_, response) => answerStatus(response, 403, 'Forbidden', 'not yet')],
  ['a 429', (_, response) => answerStatus(response, 429, 'TooManyRequests', 'starting')],
  ['a reset', (request) => request.socket.destroy()],
  ['nothing at all', (_, response) => response.writeHead(200).end()],
];

test.each(badWatches)('a watch answered by %s, several times, is overcome', async (_, fault) => {
  await using server = await FaultyServer.start();
  server.put('a');
  for (let i = 0; i < 4; i += 1) server.watchFaults.push(fault);
  await using seen = new Observation(server);
  await eventually(() => expect(server.watching).toBe(1));
  server.put('b');
  await eventually(() => expect(seen.told).toEqual(['added a', 'added b']));
});

const badLists: [string, Fault][] = [
  ['HTML', (_, response) => response.writeHead(200).end('<html>')],
  [
    'half of one',
    (_, response) => response.writeHead(200, { 'content-length': '100' }).end('{"kind"', () => response.destroy()),
  ],
  ['another kind', (_, response) => answer(response, 200, { kind: 'PodList', metadata: {}, items: [] })],
  [
    'an item without a name',
    (_, response) => answer(response, 200, { metadata: { resourceVersion: '1' }, items: [{}] }),
  ],
  ['a 401', (_, response) => answerStatus(response, 401, 'Unauthorized', 'Unauthorized')],
];

test.each(badLists)('a list answered by %s is repeated until it is right', async (_, fault) => {
  await using server = await FaultyServer.start();
  server.put('a');
  server.faults.push(fault, fault);
  await using seen = new Observation(server);
  await seen.informer.synced();
  expect(seen.told).toEqual(['added a']);
  expect(seen.errors.length).toBeGreaterThan(0);
});

test('a server that ends every watch at once is asked ever more seldom', async () => {
  await using server = await FaultyServer.start();
  for (let i = 0; i < 1000; i += 1) server.watchFaults.push((_, response) => response.writeHead(200).end());
  await using seen = new Observation(server, { backoff: { initial: 10, max: 60_000 } });
  await seen.informer.synced();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  // 10 ms doubling, of which at least half is waited: 2^n * 5 ms <= 1000 ms.
  expect(server.requests.length).toBeLessThanOrEqual(2 + 8);
});

test('a listener that throws is reported and harms no other', async () => {
  await using server = await FaultyServer.start();
  await using seen = new Observation(server);
  seen.informer.onChange(() => {
    throw new Error('mine');
  });
  const later: string[] = [];
  const remove = seen.informer.onChange(({ key }) => later.push(key));
  await eventually(() => expect(server.watching).toBe(1));
  server.put('a');
  await eventually(() => expect(later).toEqual(['a']));
  expect(seen.errors).toEqual([new Error('mine')]);
  remove();
  server.put('b');
  await eventually(() => expect(seen.told).toHaveLength(2));
  expect(later).toEqual(['a']);
});

test('an informer that ends before its first list says so to those who wait, and tells nothing more', async () => {
  await using server = await FaultyServer.start();
  await server.vanish();
  await using client = new KubeClient(server.connection);
  const informer = new Informer(client, nodeResource, quick);
  const end = new AbortController();
  const running = informer.start(end.signal);
  const reason = new Error('enough');
  end.abort(reason);
  await running;
  await expect(informer.synced()).rejects.toBe(reason);
});
test.each([
  ['by pages', false],
  ['by streams', true],
])(
  'through any sequence of faults the informer, listing %s, ends up with what the server has',
  async (_, streaming) => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const event = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'remove' as const), name }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constantFrom('end', 'break', 'compact', 'garbage', 'bookmark', 'fail', 'restart', 'pause' as const),
        }),
      },
    );
    await using server = await FaultyServer.start();
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 25 }), async (events) => {
        await using seen = new Observation(server, { backoff: { initial: 1, max: 10 }, streaming });
        for (const each of events) {
          if (each.do === 'put' && 'name' in each) server.put(each.name);
          else if (each.do === 'remove' && 'name' in each) server.remove(each.name);
          else if (each.do === 'end') server.endWatches();
          else if (each.do === 'break') server.breakConnections();
          else if (each.do === 'compact') server.compact();
          else if (each.do === 'garbage') server.sendRaw('garbage\n');
          else if (each.do === 'bookmark') server.bookmark();
          else if (each.do === 'fail') server.faults.push((_, response) => answerStatus(response, 500, '', 'no'));
          else if (each.do === 'restart') await server.vanish().then(() => server.listen());
          else await new Promise((resolve) => setTimeout(resolve, 3));
        }
        server.put('last');
        await eventually(() => {
          expect(seen.names).toEqual(server.names);
          expect(seen.informer.get('last')?.metadata.resourceVersion).toBe(server.version);
        });
        // Whoever only listened knows the same.
        const known = new Map<string, Node>();
        for (const change of seen.changes) {
          if (change.type === 'deleted') known.delete(change.key);
          else known.set(change.key, change.object);
        }
        expect([...known.values()].toSorted(byName)).toEqual(seen.informer.list().toSorted(byName));
      }),
      { numRuns: 25, endOnFailure: true },
    );
  },
  120_000,
);

function byName(left: Node, right: Node): number {
  return (left.metadata.name ?? '').localeCompare(right.metadata.name ?? '');
}
