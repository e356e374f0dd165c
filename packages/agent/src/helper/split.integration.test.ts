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

test('what an update may come to is the same: done live, put back when it drifts, taken back when it is not healthy', async () => {
  const image = registry.add(bootableContent('1'));
  await using split = await SplitHost.create(image);
  const { host } = split;
  const specOf = (text: string) => ({
    osImageURL: image,
    config: {
      ignition: { version: '3.4.0' },
      storage: { files: [{ path: '/etc/live', contents: { source: dataUrl(text) } }] },
    },
  });
  const disruption = { files: [{ path: '/etc/live', actions: [{ type: 'None' as const }] }] };
  const drift = [{ path: '/etc', action: 'Repair' as const }];
  await split.desire('one', 'Applied', specOf('one\n'), { disruption });
  await split.converge('one');
  const first = await host.status();

  await split.desire('two', 'Applied', specOf('two\n'), { disruption, drift });
  await split.converge('two');
  const second = await host.status();
  expect([second.booted.name, second.bootId]).toEqual([first.booted.name, first.bootId]);
  const live = join(second.booted.root, 'etc/live');
  expect(await readFile(live, 'utf8')).toBe('two\n');

  await writeFile(live, 'by somebody\n');
  await split.runUntil(async () => (await readFile(live, 'utf8')) === 'two\n');

  // Port 9 is "discard": nothing listens there.
  const health = { deadlineSeconds: 1, tcp: [{ name: 'service', host: '127.0.0.1', port: 9 }] };
  await split.desire('three', 'Applied', { ...specOf('three\n'), kernelArguments: ['three'] }, { health });
  await split.runUntil(async () => {
    const failed = await readFile(host.paths.failed, 'utf8');
    const { booted, bootId } = await host.status();
    return failed.includes('"three"') && booted.applied?.config === 'two' && bootId !== second.bootId;
  });
  expect(await readFile(join((await host.status()).booted.root, 'etc/live'), 'utf8')).toBe('two\n');
});
