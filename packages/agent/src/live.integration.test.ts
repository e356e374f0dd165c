// Changes that need no boot, on real OSTree sysroots; and the files that all deployments share, which go with the
// deployment that boots.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DisruptionPolicy, MachineConfigSpec } from '@varve/api';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryBoot } from './boot/boot.ts';
import { OstreeDriver } from './driver/ostree/driver.ts';
import { dataUrl, FixtureHost } from './fixtures/host.ts';
import { bootableContent, FixtureRegistry, withShell } from './fixtures/registry.ts';
import { readFailed } from './health/failed-target.ts';
import { trustLocally } from './helper/verify.ts';
import { OwnNetwork } from './network/network.ts';

let registry: FixtureRegistry;
let base: string;
const { signal } = new AbortController();

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  const content = withShell(bootableContent('1'));
  base = registry.add({ ...content, links: { ...content.links, 'usr/local': '../var/usrlocal', opt: 'var/opt' } });
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const disruption: DisruptionPolicy = {
  files: [{ path: '/etc/app', actions: [{ type: 'None' }] }],
  units: [{ name: 'app.service', actions: [{ type: 'DaemonReload' }] }],
};
const health = { deadlineSeconds: 2 };

function specOf(text: string, more: readonly { path: string; mode?: number; contents: { source: string } }[] = []) {
  const files = [{ path: '/etc/app/app.conf', contents: { source: dataUrl(text) } }, ...more];
  const contents = `[Unit]\nDescription=${text}\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n`;
  const units = [{ name: 'app.service', enabled: true, contents }];
  return {
    osImageURL: base,
    config: { ignition: { version: '3.4.0' }, storage: { files }, systemd: { units } },
  } satisfies MachineConfigSpec;
}

async function read(host: FixtureHost, path: string): Promise<string | undefined> {
  const { booted } = await host.status();
  const root = path.startsWith('/var/') ? join(host.sysroot, 'ostree/deploy/varve') : booted.root;
  return await readFile(join(root, path), 'utf8').catch(() => undefined);
}

test('a change that its rule allows is made without a boot, there and back', async () => {
  await using host = await FixtureHost.create(base);
  await host.desire('one', 'Applied', specOf('one'), { disruption, health });
  await host.converge('one');
  const before = await host.status();
  for (const config of ['two', 'one']) {
    await host.desire(config, 'Applied', specOf(config), { disruption, health });
    await host.converge(config);
    const after = await host.status();
    expect([after.bootId, after.booted.name]).toEqual([before.bootId, before.booted.name]);
    expect(after.drift).toEqual([]);
    expect(await read(host, '/etc/app/app.conf')).toBe(config);
    expect(await read(host, '/etc/systemd/system/app.service')).toContain(`Description=${config}`);
  }
  // What was applied live is what the next deployment begins with.
  await host.desire('three', 'Applied', { ...specOf('three'), kernelArguments: ['quiet'] }, { disruption, health });
  await host.converge('three');
  const third = await host.status();
  expect(third.bootId).not.toBe(before.bootId);
  expect(third.drift).toEqual([]);
});

test('one file without a rule takes the whole change through a boot', async () => {
  await using host = await FixtureHost.create(base);
  await host.desire('one', 'Applied', specOf('one'), { disruption, health });
  await host.converge('one');
  const { bootId } = await host.status();
  const other = { path: '/etc/other', contents: { source: 'data:,x' } };
  await host.desire('two', 'Applied', specOf('two', [other]), { disruption, health });
  await host.converge('two');
  expect((await host.status()).bootId).not.toBe(bootId);
});

test('a live change that makes the host unhealthy is taken back without a boot, and not tried again', async () => {
  await using host = await FixtureHost.create(base);
  await host.desire('one', 'Applied', specOf('one'), { disruption, health });
  await host.converge('one');
  const before = await host.status();
  const check = {
    path: '/etc/varve/health.d/10-app',
    mode: 0o755,
    contents: { source: dataUrl('#!/bin/sh\nexit 1\n') },
  };
  await host.desire('bad', 'Applied', specOf('bad', [check]), { disruption, health });
  await host.runUntil(async () => {
    const [failed] = await readFailed(host.paths.failed);
    return failed?.config === 'bad' && (await host.isOn('one'));
  });
  const after = await host.status();
  expect([after.bootId, after.booted.name, after.drift]).toEqual([before.bootId, before.booted.name, []]);
  expect(await read(host, '/etc/app/app.conf')).toBe('one');
  expect(await read(host, '/etc/varve/health.d/10-app')).toBeUndefined();
  expect(host.failures).toContain('HEALTH_FAILED');
});

test('files in /var, /usr/local and /opt go with the deployment that boots, and what was there before comes back', async () => {
  await using host = await FixtureHost.create(base);
  const original = join(host.sysroot, 'ostree/deploy/varve/var/lib/app/app.conf');
  await mkdir(dirname(original), { recursive: true });
  await writeFile(original, 'of the user\n', { mode: 0o640 });
  const first = (await host.status()).booted.name;
  const shared = (text: string) => [
    { path: '/var/lib/app/app.conf', contents: { source: dataUrl(text) } },
    { path: `/usr/local/bin/${text}`, mode: 0o755, contents: { source: dataUrl(text) } },
    { path: `/opt/${text}/app.conf`, contents: { source: dataUrl(text) } },
  ];
  await host.desire('one', 'Applied', specOf('one', shared('one')), { disruption, health });
  await host.converge('one');
  expect(await read(host, '/var/lib/app/app.conf')).toBe('one');
  expect(await read(host, '/var/usrlocal/bin/one')).toBe('one');
  expect(await read(host, '/var/opt/one/app.conf')).toBe('one');
  expect((await host.status()).drift).toEqual([]);
  await writeFile(original, 'by somebody\n');
  const { drift } = await host.status();
  expect(drift.map(({ path, kind }) => [path, kind])).toEqual([['/var/lib/app/app.conf', 'Content']]);

  const { sysroot, paths } = host;
  const boot = directoryBoot(sysroot, paths);
  const driver = new OstreeDriver({
    sysroot,
    stateroot: 'varve',
    paths,
    boot,
    network: new OwnNetwork(async () => undefined, undefined),
  });
  await driver.setNextBoot(first, signal);
  expect(await read(host, '/var/lib/app/app.conf')).toBe('of the user\n');
  expect((await stat(original)).mode & 0o7777).toBe(0o640);
  expect(await read(host, '/var/usrlocal/bin/one')).toBeUndefined();
  expect(await read(host, '/var/opt/one/app.conf')).toBeUndefined();

  // The target has not changed: the agent makes what it desires the next boot again, with its files.
  await host.runUntil(async () => {
    const { booted, next } = await host.status();
    return next?.name === booted.name && (await read(host, '/var/lib/app/app.conf')) === 'one';
  });

  const live = { files: [...(disruption.files ?? []), { path: '/', actions: [{ type: 'None' as const }] }] };
  const { bootId } = await host.status();
  await host.desire('two', 'Applied', specOf('two', shared('two')), { disruption: { ...disruption, ...live }, health });
  await host.converge('two');
  expect((await host.status()).bootId).toBe(bootId);
  expect(await read(host, '/var/lib/app/app.conf')).toBe('two');
  expect(await read(host, '/var/usrlocal/bin/one')).toBeUndefined();
  expect([await read(host, '/var/opt/one/app.conf'), await read(host, '/var/opt/two/app.conf')]).toEqual([
    undefined,
    'two',
  ]);
  expect((await host.status()).drift).toEqual([]);
});

test('what the image keeps for itself is refused while the config is staged, and says why', async () => {
  const content = bootableContent('opt');
  const image = registry.add({ ...content, links: { ...content.links, opt: 'usr/lib/opt' } });
  await using host = await FixtureHost.create(image);
  const before = await host.status();
  const file = { path: '/opt/app/app.conf', contents: { source: 'data:,x' } };
  const config = { ignition: { version: '3.4.0' }, storage: { files: [file] } };
  const { sysroot, paths } = host;
  const driver = new OstreeDriver({
    ...{ sysroot, stateroot: 'varve', paths, boot: directoryBoot(sysroot, paths) },
    network: new OwnNetwork(async () => undefined, undefined),
  });
  const target = trustLocally({ config: 'one', image, spec: { osImageURL: image, config } });
  await expect(driver.stage({ target, signal, onProgress: () => {} })).rejects.toMatchObject({
    code: 'CONFIG_UNSUPPORTED',
    message: expect.stringMatching(/\/opt\/app\/app\.conf .*leads to \/usr\/lib\/opt.*Containerfile/),
  });
  expect(await host.status()).toEqual(before);
});

test('kernel arguments of the base image are removed, and come back', async () => {
  await using host = await FixtureHost.create(base);
  const kernelArguments = { shouldExist: ['audit=0'], shouldNotExist: ['rw'] };
  await host.desire('one', 'Applied', {
    osImageURL: base,
    config: { ignition: { version: '3.4.0' }, kernelArguments },
  });
  await host.converge('one');
  expect((await host.status()).kernelArguments).toEqual(['root=LABEL=root', 'audit=0']);
  await host.desire('two', 'Applied', { osImageURL: base });
  await host.converge('two');
  expect((await host.status()).kernelArguments).toEqual(['root=LABEL=root', 'rw']);
});

test('keys and the password of core, with a boot and without', async () => {
  const content = withShell(bootableContent('core'));
  const image = registry.add({
    ...content,
    files: {
      ...content.files,
      'etc/passwd': `${content.files['etc/passwd']}core:x:1000:1000::/var/home/core:/bin/sh\n`,
      'etc/shadow': 'root:*:1::::::\ncore:!:1::::::\n',
    },
  });
  await using host = await FixtureHost.create(image);
  const specWith = (letter: string): MachineConfigSpec => ({
    osImageURL: image,
    config: {
      ignition: { version: '3.4.0' },
      passwd: { users: [{ name: 'core', passwordHash: `$6$${letter}`, sshAuthorizedKeys: [`ssh-ed25519 ${letter}`] }] },
    },
  });
  for (const letter of ['A', 'B']) {
    await host.desire(letter, 'Applied', specWith(letter), { health });
    await host.converge(letter);
    expect(await read(host, '/etc/shadow')).toBe(`root:*:1::::::\ncore:$6$${letter}:1::::::\n`);
    const keys = '/var/home/core/.ssh/authorized_keys.d/ignition';
    expect(await read(host, keys)).toBe(`ssh-ed25519 ${letter}\n`);
    expect((await host.status()).drift).toEqual([]);
    const { stdout } = await spawn('stat', [
      '--format=%u %a',
      join(host.sysroot, 'ostree/deploy/varve', dirname(keys)),
    ]);
    expect(stdout).toBe('1000 700');
  }
  await host.desire('none', 'Applied', { osImageURL: image }, { health });
  await host.converge('none');
  expect(await read(host, '/etc/shadow')).toBe('root:*:1::::::\ncore:!:1::::::\n');
});
