// Informers that take their list by a stream (KEP-3157), from servers that can, refuse, or do not know what that is.
import { expect, test } from 'vitest';
import { answerStatus, type Fault, FaultyServer } from './faulty-server.fixture.ts';
import { eventually, lists, Observation } from './informer.fixture.ts';

test('where the server streams its list, one request is enough for everything', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['a', 'b', 'c']) server.put(name);
  await using seen = new Observation(server, { streaming: true });
  await seen.informer.synced();
  expect(seen.told).toEqual(['added a', 'added b', 'added c']);
  server.put('b');
  server.remove('a');
  await eventually(() => expect(seen.told.slice(3)).toEqual(['updated b', 'deleted a']));
  expect(server.requests).toEqual([
    'GET /api/v1/nodes?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
  ]);
  server.endWatches();
  server.put('d');
  await eventually(() => expect(seen.told.slice(5)).toEqual(['added d']));
  expect(server.requests.at(-1)).toBe('GET /api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=105');
  expect(seen.errors).toEqual([]);
});

test('after 410 a streaming list finds what was missed, and tells what did not come as deleted', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['same', 'gone']) server.put(name);
  await using seen = new Observation(server, { streaming: true });
  await eventually(() => expect(server.watching).toBe(1));
  server.watchFaults.push((_, response) => {
    server.remove('gone');
    server.put('new');
    answerStatus(response, 410, 'Expired', 'too old resource version');
  });
  server.endWatches();
  await eventually(() => expect(seen.told.slice(2)).toEqual(['deleted gone', 'added new']));
  expect(lists(server)).toBe(0);
});

test('a streaming list that breaks off tells nothing', async () => {
  await using server = await FaultyServer.start();
  for (const name of ['a', 'b']) server.put(name);
  await using seen = new Observation(server, { streaming: true });
  await eventually(() => expect(server.watching).toBe(1));
  const half = JSON.stringify({ type: 'ADDED', object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'x' } } });
  const breakOff: Fault = (_, response) => response.writeHead(200).write(`${half}\n`, () => response.destroy());
  server.watchFaults.push((_, response) => answerStatus(response, 410, 'Expired', 'old'), breakOff, breakOff);
  server.endWatches();
  await eventually(() => expect(server.watching).toBe(1));
  server.put('c');
  await eventually(() => expect(seen.told.slice(2)).toEqual(['added c']));
});

test('a server that refuses to stream its list is asked for pages, and never again to stream', async () => {
  await using server = await FaultyServer.start();
  server.streaming = 'refused';
  server.put('a');
  await using seen = new Observation(server, { streaming: true });
  await eventually(() => expect(server.watching).toBe(1));
  server.watchFaults.push((_, response) => answerStatus(response, 410, 'Expired', 'old'));
  server.endWatches();
  await eventually(() => expect(lists(server)).toBe(2));
  expect(server.requests.filter((line) => line.includes('sendInitialEvents'))).toHaveLength(1);
  expect(seen.codes).toEqual(['EXPIRED']);
  expect(seen.told).toEqual(['added a']);
});

test('a server that does not know of streaming lists is asked for pages when nothing more comes', async () => {
  await using server = await FaultyServer.start();
  server.streaming = 'ignored';
  server.put('a');
  await using seen = new Observation(server, { streaming: true, streamingTimeout: 200 });
  const timer = setInterval(() => server.bookmark(), 20);
  await seen.informer.synced();
  clearInterval(timer);
  expect(lists(server)).toBe(1);
  expect(seen.told).toEqual(['added a']);
});
