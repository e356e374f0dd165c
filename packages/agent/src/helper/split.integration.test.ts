// An agent without any rights and its helper, on a real OSTree sysroot: together they do what the agent does as root.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataUrl } from '../fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import { SplitHost } from '../fixtures/split-host.ts';

let registry: FixtureRegistry;
beforeAll(async () => {
  registry = await FixtureRegistry.start();
});
afterAll(async () => await registry[Symbol.asyncDispose]());

test('the network side has no rights, and the host gets to its config all the same', async () => {
  await using split = await SplitHost.create(registry.add(bootableContent('1')));
  const { host } = split;
  const before = (await host.status()).booted.name;
  const next = registry.add(bootableContent('2'));
  const files = [{ path: '/etc/secret', mode: 0o600, contents: { source: dataUrl('of root\n') } }];
  const config = { ignition: { version: '3.4.0' }, storage: { files } };
  await split.desire('one', 'Applied', { osImageURL: next, kernelArguments: ['quiet'], config });
  await split.converge('one');

  const { booted, rollback, drift } = await host.status();
  expect(booted.image).toBe(next);
  expect(rollback?.name).toBe(before);
  expect(drift).toEqual([]);
  const secret = join(booted.root, 'etc/secret');
  expect(await readFile(secret, 'utf8')).toBe('of root\n');
  expect(await stat(secret)).toMatchObject({ uid: 0, gid: 0 });

  const changed = { storage: { files: [{ ...files[0], contents: { source: dataUrl('again\n') } }] } };
  await split.desire('two', 'Applied', { osImageURL: next, config: { ...config, ...changed } });
  await split.converge('two');
  await writeFile(join((await host.status()).booted.root, 'etc/secret'), 'by somebody\n');
  expect((await host.status()).drift).toMatchObject([{ path: '/etc/secret', kind: 'Content' }]);
});
