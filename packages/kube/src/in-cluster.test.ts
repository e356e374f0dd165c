import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadInClusterConnection } from './in-cluster.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-in-cluster-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };

test('a pod talks to its own API server with its own token', async () => {
  await writeFile(join(directory, 'token'), 'abc\n');
  await writeFile(join(directory, 'ca.crt'), 'PEM');
  const { reload, ...connection } = (await loadInClusterConnection({ environment, directory })) ?? {};
  expect(connection).toEqual({ server: 'https://10.0.0.1:443', ca: 'PEM', token: 'abc' });
  await writeFile(join(directory, 'token'), 'def\n');
  expect(await reload?.()).toEqual({ ca: 'PEM', token: 'def' });
  const v6 = { ...environment, KUBERNETES_SERVICE_HOST: 'fd00::1' };
  expect((await loadInClusterConnection({ environment: v6, directory }))?.server).toBe('https://[fd00::1]:443');
});

test('a proxy of the environment counts, unless it exempts the server', async () => {
  await writeFile(join(directory, 'token'), 'abc');
  await writeFile(join(directory, 'ca.crt'), 'PEM');
  const behind = { ...environment, HTTPS_PROXY: 'http://proxy:1' };
  expect(await loadInClusterConnection({ environment: behind, directory })).toMatchObject({ proxy: 'http://proxy:1' });
  const exempt = { ...behind, NO_PROXY: '10.0.0.0/8' };
  expect(await loadInClusterConnection({ environment: exempt, directory })).not.toHaveProperty('proxy');
});

test('outside of a cluster there is none', async () => {
  expect(await loadInClusterConnection({ environment: {}, directory })).toBeUndefined();
});

test('a pod without a token is told so', async () => {
  const loading = loadInClusterConnection({ environment, directory });
  await expect(loading).rejects.toMatchObject({
    code: 'KUBECONFIG_INVALID',
    message: expect.stringContaining('token'),
  });
});
