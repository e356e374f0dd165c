import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type MachineConfig,
  machineConfigPoolResource,
  machineConfigResource,
  nodeResource,
  type ResourceDefinition,
  renderMachineConfig,
} from '@varve/api';
import { adminRole, Store, startTestServer } from '@varve/apiserver';
import { KubeClient, loadKubeconfig } from '@varve/kube';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deletionGuards } from './guards.ts';

let directory: string;
let store: Store;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-guards-'));
  store = Store.open(join(directory, 'store.db'));
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

const group = 'machineconfiguration.openshift.io';
const admin = { name: 'admin', groups: ['system:masters'] };

function renderedConfig(...kernelArguments: string[]): MachineConfig {
  const merged = { spec: { kernelArguments }, source: [], osImageFrom: undefined, extensionsImageFrom: undefined };
  return renderMachineConfig({ name: 'web', uid: 'u' }, merged, {});
}

function remove(definition: ResourceDefinition, object: object): void {
  const stored = { apiVersion: '', kind: definition.kind, metadata: {}, ...object };
  deletionGuards(store).remove?.(admin, definition, stored);
}

async function put(kind: string, plural: string, more: object): Promise<void> {
  const key = { resource: `${plural}.${group}`, namespace: '', name: 'one' };
  await store.write((transaction) =>
    transaction.put(key, { apiVersion: `${group}/v1`, kind, metadata: { name: 'one' }, ...more }),
  );
}

const refused = (text: string) => expect.objectContaining({ code: 403, message: expect.stringContaining(text) });

describe('nobody deletes', () => {
  test('a pool that has hosts', () => {
    const pool = (machineCount?: number) => ({ metadata: { name: 'web' }, status: { machineCount } });
    expect(() => remove(machineConfigPoolResource, pool(3))).toThrow(refused('3 hosts are in the pool'));
    remove(machineConfigPoolResource, pool(0));
    remove(machineConfigPoolResource, pool());
    remove(nodeResource, pool(3));
  });

  test.each([
    [
      'a pool aims at',
      'MachineConfigPool',
      'machineconfigpools',
      (name: string) => ({ spec: { configuration: { name } } }),
    ],
    [
      'a pool has reached',
      'MachineConfigPool',
      'machineconfigpools',
      (name: string) => ({ status: { configuration: { name } } }),
    ],
    [
      'a host is to reach',
      'MachineConfigNode',
      'machineconfignodes',
      (name: string) => ({ spec: { configVersion: { desired: name } } }),
    ],
    [
      'a host could fall back to',
      'MachineConfigNode',
      'machineconfignodes',
      (name: string) => ({ status: { rollback: { config: name } } }),
    ],
  ])('a rendered config that %s', async (_what, kind, plural, use) => {
    const config = renderedConfig('quiet');
    remove(machineConfigResource, config);
    await put(kind, plural, use(config.metadata.name ?? ''));
    expect(() => remove(machineConfigResource, config)).toThrow(refused(`${kind} one uses it`));
    remove(machineConfigResource, renderedConfig('debug'));
  });

  test('but a config of a user, one that is only mentioned, and one that is not what its name says', async () => {
    const config = renderedConfig('quiet');
    const { name = '' } = config.metadata;
    await put('MachineConfigPool', 'machineconfigpools', { metadata: { name: 'one', annotations: { note: name } } });
    remove(machineConfigResource, config);
    await put('MachineConfigPool', 'machineconfigpools', { spec: { configuration: { name } } });
    remove(machineConfigResource, { ...config, metadata: { ...config.metadata, ownerReferences: [] } });
    remove(machineConfigResource, { ...config, spec: { kernelArguments: ['evil'] } });
    expect(() => remove(machineConfigResource, config)).toThrow(refused('uses it'));
  });

  test('also by way of the API: alone, with others, or as a dry run', async () => {
    await using server = await startTestServer({
      roles: (opened) => [{ ...adminRole, admission: deletionGuards(opened) }],
    });
    await using client = new KubeClient(await loadKubeconfig(server.kubeconfig));
    const pool = await client.create(machineConfigPoolResource, {
      apiVersion: `${group}/v1`,
      kind: 'MachineConfigPool',
      metadata: { name: 'web' },
      spec: {},
    });
    await client.updateStatus(machineConfigPoolResource, { ...pool, status: { machineCount: 1 } });
    const path = `/apis/${group}/v1/machineconfigpools`;
    for (const one of [`${path}/web`, `${path}/web?dryRun=All`, path]) {
      await expect(client.raw(one, { method: 'DELETE' }), one).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    await client.updateStatus(machineConfigPoolResource, {
      ...(await client.get(machineConfigPoolResource, 'web')),
      status: { machineCount: 0 },
    });
    await client.delete(machineConfigPoolResource, 'web');
  });
});
