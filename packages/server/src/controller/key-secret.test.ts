// The key in a Secret of a real API server.
import {
  configMapResource,
  configurationKeysEntry,
  configurationKeysName,
  followKeys,
  secretResource,
} from '@varve/api';
import { startTestServer, type TestServer } from '@varve/apiserver';
import { KubeClient, KubeError } from '@varve/kube';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigurationKeySecret, rotateConfigurationKeySecret } from './key-secret.ts';

const secret = { namespace: 'varve-system', name: 'varve-configuration-key' };

let server: TestServer;
let client: KubeClient;
let stop: AbortController;
beforeEach(async () => {
  server = await startTestServer();
  const connection = { server: server.url, ca: server.authority.certificate, token: server.token };
  client = new KubeClient(connection);
  stop = new AbortController();
  await client.raw('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: secret.namespace } } });
});
afterEach(async () => {
  stop.abort();
  await client.close();
  await server[Symbol.asyncDispose]();
});

const open = (onError: (error: unknown) => void = () => {}) =>
  ConfigurationKeySecret.open({ client, secret, onError, signal: stop.signal });

test('is made once: whoever comes later, or at the same time, has the same', async () => {
  const [first, second] = await Promise.all([open(), open()]);
  expect(second.current()).toEqual(first.current());
  expect((await open()).current()).toEqual(first.current());
});

test('a rotation is taken up, and hosts can follow it', async () => {
  const source = await open();
  const before = followKeys(source.current().chain, undefined);
  if (!('keys' in before)) throw new Error(before.problem);
  const changed = vi.fn();
  source.onChange(changed);
  const options = { revoke: false, signal: stop.signal };
  expect(await rotateConfigurationKeySecret(client, secret, options)).toEqual({ version: 2, keys: 2 });
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), 10_000);
  expect(followKeys(source.current().chain, before.keys)).toMatchObject({ keys: { version: 2 } });
});

test('is put back when it is deleted under those who have it', async () => {
  const errors: unknown[] = [];
  const source = await open((error) => errors.push(error));
  await client.delete(secretResource, secret.name, { namespace: secret.namespace });
  const told = { code: 'STATE_UNREADABLE', message: expect.stringContaining('put back') };
  await vi.waitFor(() => expect(errors).toMatchObject([told]), 10_000);
  expect((await open()).current()).toEqual(source.current());
});

test('is put back although the API server refuses it at first', async () => {
  const errors: unknown[] = [];
  const source = await open((error) => errors.push(error));
  vi.spyOn(client, 'create').mockRejectedValueOnce(new KubeError('UNAVAILABLE', 'not now'));
  await client.delete(secretResource, secret.name, { namespace: secret.namespace });
  const told = { code: 'STATE_UNREADABLE', message: expect.stringContaining('put back') };
  await vi.waitFor(() => expect(errors).toMatchObject([{ code: 'UNAVAILABLE' }, told]), 10_000);
  expect((await open()).current()).toEqual(source.current());
});

test('is never made anew for hosts that trust another', async () => {
  const { namespace, name } = configurationKeysName;
  const source = await open();
  const data = { [configurationKeysEntry]: JSON.stringify(source.current().chain) };
  stop.abort();
  stop = new AbortController();
  await client.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data });
  await client.delete(secretResource, secret.name, { namespace: secret.namespace });
  await expect(open()).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
  await expect(rotateConfigurationKeySecret(client, secret, { revoke: false, signal: stop.signal })).rejects.toThrow(
    'varve controller',
  );
});

test('what is no key is not replaced', async () => {
  const { namespace, name } = secret;
  const data = { 'configuration-keys.json': Buffer.from('{').toString('base64') };
  await client.create(secretResource, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, data });
  await expect(open()).rejects.toThrow(`Secret ${namespace}/${name} cannot be used`);
});
