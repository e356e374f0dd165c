// Backups of a control plane that runs, and what a restored one knows.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { configMapResource } from '@varve/api';
import { Store } from '@varve/apiserver';
import { isKubeError, KubeClient, loadKubeconfig } from '@varve/kube';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../start.ts';
import { StateDirectory } from '../state-directory.ts';
import { createBackup } from './backup.ts';
import { restoreBackup } from './restore.ts';

let directory: string;
const { signal } = new AbortController();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-backup-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const namespace = 'default';
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });

function start(state: string): Promise<RunningServer> {
  const logger = pino({ level: 'silent' });
  const listen = { host: '127.0.0.1', port: 0 };
  return startServer({ stateDirectory: join(directory, state), listen, hostnames: [], logger, signal });
}

async function connect(server: RunningServer): Promise<KubeClient> {
  return new KubeClient(await loadKubeconfig(server.kubeconfigPath));
}

/** Creates ConfigMaps until `done`; returns the names that were acknowledged. */
async function writeUntil(client: KubeClient, prefix: string, done: Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  let ended = false;
  done.finally(() => {
    ended = true;
  });
  for (let index = 0; !ended; index++) {
    await client.create(configMapResource, configMap(`${prefix}-${index}`));
    names.push(`${prefix}-${index}`);
  }
  return names;
}

async function namesIn(client: KubeClient): Promise<string[]> {
  const { items } = await client.list(configMapResource, { namespace });
  return items.map(({ metadata }) => metadata.name ?? '');
}

describe('a backup', () => {
  test('is taken while the server writes, and makes the same control plane elsewhere', async () => {
    const file = join(directory, 'backup.db');
    let newest = '';
    const before: string[] = [];
    {
      await using server = await start('first');
      await using client = await connect(server);
      for (let index = 0; index < 20; index++) {
        await client.create(configMapResource, configMap(`before-${index}`));
        before.push(`before-${index}`);
      }
      const backup = createBackup({ stateDirectory: join(directory, 'first'), file, signal });
      const during = await writeUntil(client, 'during', backup);
      expect(await backup).toMatchObject({ objects: expect.any(Number), files: expect.any(Number) });
      expect(during.length).toBeGreaterThan(0);
      newest = (await client.list(configMapResource, { namespace })).resourceVersion;
    }
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readdir(directory)).sort()).toEqual(['backup.db', 'first']);
    expect((await readdir(join(directory, 'first'))).filter((name) => name.startsWith('.'))).toEqual([]);

    await restoreBackup({ file, stateDirectory: join(directory, 'second') });
    const ca = (state: string) => readFile(join(directory, state, 'pki/ca.crt'), 'utf8');
    expect(await ca('second')).toBe(await ca('first'));
    await using server = await start('second');
    await using client = await connect(server);
    expect(await namesIn(client)).toEqual(expect.arrayContaining(before));
    const { resourceVersion } = await client.list(configMapResource, { namespace });
    expect(Number(resourceVersion)).toBeGreaterThan(Number(newest));
    const watching = client.watch(configMapResource, { namespace, resourceVersion: newest, signal });
    await expect(watching.next()).rejects.toSatisfy((error) => isKubeError(error, 'EXPIRED'));
  });

  test('is taken of a server that does not run, and replaces an older one', async () => {
    await (await start('state'))[Symbol.asyncDispose]();
    const file = join(directory, 'backup.db');
    await writeFile(file, 'older');
    await createBackup({ stateDirectory: join(directory, 'state'), file, signal });
    await restoreBackup({ file, stateDirectory: join(directory, 'restored') });
    const pki = (state: string) => readdir(join(directory, state, 'pki'));
    expect(await pki('restored')).toEqual(await pki('state'));
  });

  test('leaves no key in the restored store', async () => {
    await (await start('state'))[Symbol.asyncDispose]();
    const file = join(directory, 'backup.db');
    await createBackup({ stateDirectory: join(directory, 'state'), file, signal });
    await restoreBackup({ file, stateDirectory: join(directory, 'restored') });
    expect(await readFile(file, 'latin1')).toContain('PRIVATE KEY');
    expect(await readFile(join(directory, 'restored/api.db'), 'latin1')).not.toContain('PRIVATE KEY');
  });
});

describe('a restore changes nothing', () => {
  const file = () => join(directory, 'backup.db');
  const restored = () => join(directory, 'restored');

  beforeEach(async () => {
    const state = await StateDirectory.open(join(directory, 'state'));
    await state.authority();
    using store = Store.open(state.databasePath);
    await store.write((transaction) =>
      transaction.put({ resource: 'configmaps', namespace, name: 'a' }, configMap('a')),
    );
    store.close();
    await createBackup({ stateDirectory: state.path, file: file(), signal });
  });

  test.each([
    ['a row of the store was changed', 'STORE_DAMAGED', `UPDATE objects SET object = replace(object, '"a"', '"b"')`],
    ['a key was changed', 'BACKUP_INVALID', `UPDATE state_files SET content = x'00' WHERE name = 'ca.key'`],
    ['a name leads elsewhere', 'BACKUP_INVALID', `UPDATE state_files SET name = '../ca.key' WHERE name = 'ca.key'`],
    ['it is another database', 'BACKUP_INVALID', 'PRAGMA application_id = 7'],
  ])('when %s', async (_what, code, sql) => {
    const database = new DatabaseSync(file());
    database.exec(sql);
    database.close();
    await expect(restoreBackup({ file: file(), stateDirectory: restored() })).rejects.toMatchObject({ code });
    expect((await readdir(directory)).sort()).toEqual(['backup.db', 'state']);
  });

  test('when the backup was cut off', async () => {
    const bytes = await readFile(file());
    for (const length of [0, 100, 4096, bytes.length - 4096]) {
      await writeFile(file(), bytes.subarray(0, length));
      await expect(restoreBackup({ file: file(), stateDirectory: restored() })).rejects.toMatchObject({
        code: expect.stringMatching(/^(BACKUP_INVALID|STORE_DAMAGED)$/),
      });
    }
    expect((await readdir(directory)).sort()).toEqual(['backup.db', 'state']);
  });

  test('where something is already', async () => {
    const target = { file: file(), stateDirectory: join(directory, 'state') };
    const ca = await readFile(join(directory, 'state/pki/ca.crt'), 'utf8');
    await expect(restoreBackup(target)).rejects.toMatchObject({ code: 'STATE_IN_USE' });
    expect(await readFile(join(directory, 'state/pki/ca.crt'), 'utf8')).toBe(ca);
    expect((await readdir(directory)).sort()).toEqual(['backup.db', 'state']);
  });
});
