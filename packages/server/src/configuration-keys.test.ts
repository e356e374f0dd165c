import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { followKeys } from '@varve/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigurationKeyFile, rotateConfigurationKey } from './configuration-keys.ts';
import { StateDirectory } from './state-directory.ts';

let directory: string;
let state: StateDirectory;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-keys-'));
  state = await StateDirectory.open(directory);
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

function fail(error: unknown): never {
  throw error;
}

test('the key is made once, and only its owner can read it', async () => {
  using first = await ConfigurationKeyFile.open(state, fail);
  using second = await ConfigurationKeyFile.open(state, fail);
  expect(second.current()).toEqual(first.current());
  expect((await stat(join(directory, 'pki/configuration-keys.json'))).mode & 0o777).toBe(0o600);
});

test('a running server takes up a rotation, and hosts can follow it', async () => {
  using file = await ConfigurationKeyFile.open(state, fail);
  const before = followKeys(file.current().chain, undefined);
  if (!('keys' in before)) throw new Error(before.problem);
  const changed = vi.fn();
  file.onChange(changed);
  expect(await rotateConfigurationKey(directory, { revoke: false })).toEqual({ version: 2, keys: 2 });
  await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1));
  expect(followKeys(file.current().chain, before.keys)).toMatchObject({ keys: { version: 2 } });
  expect(await rotateConfigurationKey(directory, { revoke: true })).toEqual({ version: 3, keys: 1 });
});

test('without a key there is nothing to rotate, and a damaged file is never replaced', async () => {
  await expect(rotateConfigurationKey(directory, { revoke: false })).rejects.toMatchObject({
    code: 'STATE_UNREADABLE',
  });
  await writeFile(join(directory, 'pki/configuration-keys.json'), '{');
  await expect(rotateConfigurationKey(directory, { revoke: false })).rejects.toThrow('put it back from a backup');
  await expect(ConfigurationKeyFile.open(state, fail)).rejects.toThrow('put it back from a backup');
});
