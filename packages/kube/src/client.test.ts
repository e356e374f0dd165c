import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { configMapResource, nodeResource } from '@varve/api';
import { expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { answer, answerStatus, FaultyServer } from './faulty-server.fixture.ts';
import { createCertificateAuthority } from './pki/authority.ts';

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', resourceVersion: '7' } };

/** Lets the server answer the next request by `node` and gives what was asked. */
async function capture(
  server: FaultyServer,
  act: () => Promise<unknown>,
): Promise<{ line: string; headers: IncomingMessage['headers']; body: unknown }> {
  const { promise, resolve } = Promise.withResolvers<{ headers: IncomingMessage['headers']; body: unknown }>();
  server.faults.push((request, response, body) => {
    resolve({ headers: request.headers, body: body === '' ? undefined : JSON.parse(body) });
    answer(response, 200, request.url?.includes('configmaps') ? { ...node, kind: 'ConfigMap' } : node);
  });
  await act();
  return { line: server.requests.at(-1) ?? '', ...(await promise) };
}

test('each verb is the request that the API concepts define', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient({ ...server.connection, userAgent: 'varve-test/1' });
  const configMap = { ...node, kind: 'ConfigMap', metadata: { name: 'c', namespace: 'n' } };

  const get = await capture(server, () => client.get(nodeResource, 'a'));
  expect(get.line).toBe('GET /api/v1/nodes/a');
  expect(get.headers).toMatchObject({ accept: 'application/json', 'user-agent': 'varve-test/1' });

  const create = await capture(server, () => client.create(configMapResource, configMap));
  expect(create).toMatchObject({ line: 'POST /api/v1/namespaces/n/configmaps', body: configMap });

  const update = await capture(server, () => client.update(configMapResource, configMap));
  expect(update.line).toBe('PUT /api/v1/namespaces/n/configmaps/c');

  const status = await capture(server, () => client.updateStatus(nodeResource, node));
  expect(status).toMatchObject({ line: 'PUT /api/v1/nodes/a/status', body: node });

  const patch = await capture(server, () =>
    client.patch(nodeResource, 'a', { spec: null }, { type: 'strategic', subresource: 'status', fieldManager: 'me' }),
  );
  expect(patch).toMatchObject({ line: 'PATCH /api/v1/nodes/a/status?fieldManager=me', body: { spec: null } });
  expect(patch.headers['content-type']).toBe('application/strategic-merge-patch+json');

  const remove = await capture(server, () => client.delete(nodeResource, 'a', { uid: 'u' }));
  expect(remove).toMatchObject({ line: 'DELETE /api/v1/nodes/a', body: { preconditions: { uid: 'u' } } });

  const raw = await capture(server, () => client.raw('/version'));
  expect(raw.line).toBe('GET /version');
});

test.each([
  ['merge', 'application/merge-patch+json'],
  ['json', 'application/json-patch+json'],
  ['apply', 'application/apply-patch+yaml'],
  [undefined, 'application/merge-patch+json'],
] as const)('a patch of type %s is sent as %s', async (type, contentType) => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const { headers } = await capture(server, () =>
    client.patch(nodeResource, 'a', {}, type === undefined ? {} : { type }),
  );
  expect(headers['content-type']).toBe(contentType);
});

test('a bearer token and a path in the address are sent', async () => {
  await using server = await FaultyServer.start();
  const { server: address, ca = '' } = server.connection;
  await using client = new KubeClient({ server: `${address}/clusters/x/`, ca, token: 'secret' });
  const { line, headers } = await capture(server, () => client.get(nodeResource, 'a'));
  expect(line).toBe('GET /clusters/x/api/v1/nodes/a');
  expect(headers.authorization).toBe('Bearer secret');
});

test('names that would address something else never leave', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  for (const name of ['', '.', '..', 'a/b', 'a%2fb']) {
    await expect(client.delete(nodeResource, name)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  }
  await expect(client.get(configMapResource, 'a')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(client.get(configMapResource, 'a', { namespace: '' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  expect(server.requests).toEqual([]);
});

test('a list is all of its pages', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  for (const name of ['a', 'b', 'c', 'd', 'e']) server.put(name);
  const { items, resourceVersion } = await client.list(nodeResource, { labelSelector: 'x!=y' });
  expect(items.map((item) => item.metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(items[0]).toMatchObject({ apiVersion: 'v1', kind: 'Node' });
  expect(resourceVersion).toBe('105');
  expect(server.requests).toEqual([
    'GET /api/v1/nodes?labelSelector=x%21%3Dy&limit=500',
    'GET /api/v1/nodes?labelSelector=x%21%3Dy&limit=500&continue=b',
    'GET /api/v1/nodes?labelSelector=x%21%3Dy&limit=500&continue=d',
  ]);
});

test('changes between the pages of a list are not lost', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  for (const name of ['a', 'b', 'c']) server.put(name);
  server.faults.push((_, response) => {
    answer(response, 200, { metadata: { resourceVersion: '103', continue: 'b' }, items: [] });
    server.put('a');
  });
  const { items, resourceVersion } = await client.list(nodeResource);
  expect(items.map((item) => item.metadata.name)).toEqual(['c']);
  expect(resourceVersion).toBe('103');
});

test('a list whose pages expire begins again in one piece', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  for (const name of ['a', 'b', 'c']) server.put(name);
  server.faults.push((_, response) =>
    answer(response, 200, { metadata: { resourceVersion: '1', continue: 'x' }, items: [] }),
  );
  server.faults.push((_, response) => answerStatus(response, 410, 'Expired', 'too old'));
  expect((await client.list(nodeResource)).items).toHaveLength(3);
  expect(server.requests.at(-1)).toBe('GET /api/v1/nodes');
});

test.each([
  [400, 'BadRequest', 'BAD_REQUEST'],
  [401, 'Unauthorized', 'UNAUTHORIZED'],
  [403, 'Forbidden', 'FORBIDDEN'],
  [404, 'NotFound', 'NOT_FOUND'],
  [409, 'AlreadyExists', 'ALREADY_EXISTS'],
  [409, 'Conflict', 'CONFLICT'],
  [410, 'Expired', 'EXPIRED'],
  [413, 'RequestEntityTooLarge', 'TOO_LARGE'],
  [422, 'Invalid', 'INVALID'],
  [429, 'TooManyRequests', 'TOO_MANY_REQUESTS'],
  [500, 'InternalError', 'SERVER_ERROR'],
  [500, 'ServerTimeout', 'TIMEOUT'],
  [503, 'ServiceUnavailable', 'UNAVAILABLE'],
  [418, '', 'BAD_REQUEST'],
  [409, '', 'CONFLICT'],
  [502, '', 'SERVER_ERROR'],
])('HTTP %i %s is %s', async (status, reason, code) => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push((_, response) => answerStatus(response, status, reason, 'because'));
  const failed = client.get(nodeResource, 'a');
  await expect(failed).rejects.toMatchObject({ code, status: { code: status, message: 'because' } });
  await expect(failed).rejects.toThrow(/GET \/api\/v1\/nodes\/a: because/);
});

test('a taken name without a reason is recognized by the method', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push((_, response) => response.writeHead(409).end('no JSON'));
  await expect(client.create(nodeResource, node)).rejects.toMatchObject({ code: 'ALREADY_EXISTS', status: undefined });
});

test.each([
  ['HTML', '<html>'],
  ['another kind', '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}'],
  ['no name', '{"kind":"Node","apiVersion":"v1","metadata":{}}'],
  ['null', 'null'],
  ['nothing', ''],
  ['far too much', `{"metadata":{"name":"${'a'.repeat(17 * 1024 * 1024)}"}}`],
])('an answer of %s is malformed', async (_, body) => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push((_, response) => response.writeHead(200).end(body));
  await expect(client.get(nodeResource, 'a')).rejects.toMatchObject({ code: 'MALFORMED_RESPONSE' });
});

test('a redirect is not followed: the credentials are for this server', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push((_, response) => response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end());
  await expect(client.get(nodeResource, 'a')).rejects.toMatchObject({ code: 'MALFORMED_RESPONSE' });
});

test('Retry-After is obeyed, a few times', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const busy = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'busy' };
  for (let i = 0; i < 2; i += 1)
    server.faults.push((_, response) => answer(response, 429, busy, { 'retry-after': '0' }));
  server.faults.push((_, response) => answer(response, 200, node));
  expect(await client.update(nodeResource, node)).toMatchObject(node);
  for (let i = 0; i < 20; i += 1)
    server.faults.push((_, response) => answer(response, 429, busy, { 'retry-after': '0' }));
  await expect(client.update(nodeResource, node)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  expect(server.requests).toHaveLength(3 + 6);
});

test('a GET survives a dead kept-alive connection; a POST is not sent twice', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const die = (request: IncomingMessage) => request.socket.destroy();
  server.faults.push(die, (_, response) => answer(response, 200, node));
  expect(await client.get(nodeResource, 'a')).toMatchObject(node);
  server.faults.push(die);
  await expect(client.create(nodeResource, node)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  expect(server.requests.filter((line) => line.startsWith('POST'))).toHaveLength(1);
});

test('nobody there, not TLS, another authority, another name', async () => {
  await using server = await FaultyServer.start();
  const other = await createCertificateAuthority({ commonName: 'other' });
  const plain = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const address = plain.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { connection } = server;
  for (const [change, code] of [
    [{ server: 'https://127.0.0.1:1' }, 'UNREACHABLE'],
    [{ server: `https://127.0.0.1:${port}` }, 'UNREACHABLE'],
    [{ ca: other.certificate }, 'UNTRUSTED'],
    [{ server: connection.server.replace('127.0.0.1', 'localhost') }, 'UNTRUSTED'],
    [{ serverName: 'elsewhere.example' }, 'UNTRUSTED'],
  ] as const) {
    await using client = new KubeClient({ ...connection, ...change });
    await expect(client.get(nodeResource, 'a')).rejects.toMatchObject({ code });
  }
  plain.close();
});

test('credentials do not go over plain HTTP, and half a credential is none', () => {
  for (const connection of [
    { server: 'http://127.0.0.1:1', token: 'secret' },
    { server: 'https://127.0.0.1:1', cert: 'x' },
    { server: 'ftp://x' },
    { server: 'nonsense' },
  ]) {
    expect(() => new KubeClient(connection)).toThrow(expect.objectContaining({ code: 'KUBECONFIG_INVALID' }));
  }
});

test('an abort ends a request, a body and a watch with its reason', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push(() => {});
  const first = AbortSignal.timeout(50);
  await expect(client.get(nodeResource, 'a', { signal: first })).rejects.toThrow(first.reason);
  server.faults.push((_, response) => void response.writeHead(200).write('{'));
  const second = AbortSignal.timeout(50);
  await expect(client.get(nodeResource, 'a', { signal: second })).rejects.toThrow(second.reason);
  const third = AbortSignal.timeout(50);
  const watch = client.watch(nodeResource, { signal: third });
  await expect(watch.next()).rejects.toThrow(third.reason);
});

test('a watch gives events and bookmarks, and its end is the end of the iteration', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.put('a');
  const watch = client.watch(nodeResource, { resourceVersion: '100', fieldSelector: 'metadata.name=a' });
  expect((await watch.next()).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
  server.put('a');
  expect((await watch.next()).value).toMatchObject({ type: 'MODIFIED' });
  server.remove('a');
  expect((await watch.next()).value).toMatchObject({ type: 'DELETED' });
  server.bookmark();
  expect((await watch.next()).value).toEqual({ type: 'BOOKMARK', resourceVersion: '103' });
  server.sendRaw('{"type":"ADDED","object":');
  server.sendRaw('{"apiVersion":"v1","kind":"Node","metadata":{"name":"ü"}}}\n');
  expect((await watch.next()).value).toMatchObject({ object: { metadata: { name: 'ü' } } });
  server.endWatches();
  expect((await watch.next()).done).toBe(true);
  expect(server.requests).toEqual([
    'GET /api/v1/nodes?fieldSelector=metadata.name%3Da&watch=true&allowWatchBookmarks=true&resourceVersion=100',
  ]);
});

test.each([
  [
    'an ERROR event',
    '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}\n',
    'EXPIRED',
  ],
  ['an ERROR event without Status', '{"type":"ERROR","object":{}}\n', 'MALFORMED_RESPONSE'],
  ['garbage', 'garbage\n', 'MALFORMED_RESPONSE'],
  ['an unknown event', '{"type":"NEWS","object":{}}\n', 'MALFORMED_RESPONSE'],
  [
    'another kind',
    '{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}}\n',
    'MALFORMED_RESPONSE',
  ],
  ['a bookmark without version', '{"type":"BOOKMARK","object":{}}\n', 'MALFORMED_RESPONSE'],
])('%s ends a watch by a throw', async (_, line, code) => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push((_, response) => response.writeHead(200).end(line));
  await expect(client.watch(nodeResource).next()).rejects.toMatchObject({ code });
});

test('a watch that breaks, stops in a word, stalls or is answered by an error throws what it was', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.faults.push((_, response) => {
    response.writeHead(200);
    response.write('\n', () => response.destroy());
  });
  await expect(client.watch(nodeResource).next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  server.faults.push((_, response) => response.writeHead(200).end('{"type":'));
  await expect(client.watch(nodeResource).next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  await expect(client.watch(nodeResource, { idleTimeout: 300 }).next()).rejects.toMatchObject({ code: 'TIMEOUT' });
  server.faults.push(() => {});
  await expect(client.watch(nodeResource, { idleTimeout: 300 }).next()).rejects.toMatchObject({ code: 'TIMEOUT' });
  server.faults.push((_, response) => answerStatus(response, 410, 'Expired', 'old'));
  await expect(client.watch(nodeResource).next()).rejects.toMatchObject({ code: 'EXPIRED' });
});

test('leaving a watch early closes its stream', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  server.put('a');
  for await (const event of client.watch(nodeResource, { resourceVersion: '100' })) {
    expect(event.type).toBe('ADDED');
    break;
  }
  await expect.poll(() => server.watching).toBe(0);
});
