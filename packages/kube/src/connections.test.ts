import { nodeResource } from '@varve/api';
import { expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { ConnectProxy } from './connect-proxy.fixture.ts';
import { Connections } from './connections.ts';
import { answer, FaultyServer } from './faulty-server.fixture.ts';

test('requests and watches go through the proxy, with its password, and TLS ends at the server', async () => {
  await using server = await FaultyServer.start();
  await using proxy = await ConnectProxy.start();
  await using client = new KubeClient({ ...server.connection, proxy: `http://user:p%40ss@${proxy.address}` });
  server.put('a');
  expect((await client.list(nodeResource)).items).toHaveLength(1);
  const watch = client.watch(nodeResource, { resourceVersion: '101' });
  const event = watch.next();
  await expect.poll(() => server.watching).toBe(1);
  server.put('b');
  expect((await event).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'b' } } });
  const target = server.connection.server.replace('https://', '');
  const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
  expect(proxy.tunnels).toContainEqual({ target, authorization });
  expect(new Set(server.users)).toEqual(new Set(['tester']));
});

test('a connection through a proxy is kept', async () => {
  await using server = await FaultyServer.start();
  await using proxy = await ConnectProxy.start();
  await using client = new KubeClient({ ...server.connection, proxy: `http://${proxy.address}` });
  await client.list(nodeResource);
  await client.list(nodeResource);
  expect(proxy.tunnels).toHaveLength(1);
});

test('the bound of connecting is over when the tunnel stands', async () => {
  await using server = await FaultyServer.start();
  await using proxy = await ConnectProxy.start();
  const { server: address, serverName: _, ...tls } = server.connection;
  const end = new AbortController();
  const options = {
    maxConnections: 1,
    connectTimeout: 1_500,
    tls,
    proxy: `http://${proxy.address}`,
    signal: end.signal,
  };
  const connections = new Connections(new URL(address), options);
  server.faults.push((__, response) => setTimeout(() => answer(response, 200, {}), 2_500));
  const { signal } = new AbortController();
  const response = await connections.exchange({ method: 'GET', path: '/', headers: {}, body: undefined, signal });
  expect(response.statusCode).toBe(200);
  response.destroy();
  connections.close();
});

test('a proxy that refuses, or is not there, is told without its password', async () => {
  await using server = await FaultyServer.start();
  await using proxy = await ConnectProxy.start();
  proxy.refusal = '407 Proxy Authentication Required';
  for (const [address, text] of [
    [proxy.address, '407 Proxy Authentication Required'],
    ['127.0.0.1:1', 'ECONNREFUSED'],
  ]) {
    await using client = new KubeClient({ ...server.connection, proxy: `http://user:secret@${address}` });
    const failure: unknown = await client.list(nodeResource).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining(text ?? '') });
    for (let error = failure; error instanceof Error; error = error.cause) {
      expect(`${error.message} ${error.stack}`).not.toContain('secret');
    }
  }
  expect(server.requests).toEqual([]);
});

test.each(['socks5://proxy:1', 'proxy', ''])('a proxy of another kind is refused: %s', (proxy) => {
  const create = () => new KubeClient({ server: 'https://127.0.0.1:1', proxy });
  expect(create).toThrow(expect.objectContaining({ code: 'KUBECONFIG_INVALID' }));
});
