// Real OSTree sysroots in directories; the control plane is away, so the host lives on what it accepted last.
import { chmod, chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAgent } from './agent.ts';
import { directoryBoot } from './boot/boot.ts';
import type { Drift } from './content/check.ts';
import { glance } from './drift/glance.ts';
import { monitorDrift } from './drift/monitor.ts';
import { OstreeDriver } from './driver/ostree/driver.ts';
import { dataUrl, FixtureHost, waitUntil } from './fixtures/host.ts';
import { bootableContent, FixtureRegistry } from './fixtures/registry.ts';
import { createHost } from './host.ts';
import { OwnNetwork } from './network/network.ts';
import { treeOf } from './tree/tree-of.ts';

let registry: FixtureRegistry;
let base: string;
let next: string;

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  base = registry.add(bootableContent('1'));
  next = registry.add(bootableContent('2', { 'etc/new-default': 'of the image\n' }));
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const firstSpec = () => ({
  osImageURL: next,
  kernelArguments: ['quiet console=ttyS0', 'audit=1'],
  config: {
    ignition: { version: '3.4.0' },
    storage: {
      directories: [{ path: '/etc/app', mode: 0o750, user: { name: 'www' }, group: { name: 'web' } }],
      files: [
        { path: '/etc/app/app.conf', mode: 0o640, user: { name: 'www' }, contents: { source: dataUrl('a=1\n') } },
        { path: '/etc/motd', contents: { source: 'data:,managed%0A' } },
      ],
      links: [{ path: '/etc/app/current', target: 'app.conf' }],
    },
    systemd: {
      units: [
        {
          name: 'app.service',
          enabled: true,
          contents:
            '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=application.service\n',
          dropins: [{ name: '10-limits.conf', contents: '[Service]\nLimitNOFILE=10\n' }],
        },
        { name: 'shipped.service', enabled: true },
        { name: 'noisy.service', mask: true },
        { name: 'default-on.service', enabled: false },
      ],
    },
  },
});

async function fsck(host: FixtureHost): Promise<void> {
  const { stdout } = await spawn('ostree', ['fsck', `--repo=${join(host.sysroot, 'ostree/repo')}`]);
  expect(stdout).toContain('no errors found');
}

async function absent(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    () => true,
  );
}

test('a staged config changes nothing that the host runs or boots', async () => {
  await using host = await FixtureHost.create(base);
  const before = await host.status();
  await host.desire('one', 'Staged', firstSpec());
  await host.runUntil(async () => !(await absent(host.paths.staged)));
  const after = await host.status();
  expect(after).toEqual(before);
  const refs = await spawn('ostree', ['refs', `--repo=${join(host.sysroot, 'ostree/repo')}`, '--list', 'varve/staged']);
  expect(refs.stdout).not.toBe('');
});

test('an applied config is booted whole, with the old deployment behind it, and taken out again by the next one', async () => {
  await using host = await FixtureHost.create(base);
  const old = (await host.status()).booted;
  await writeFile(join(old.root, 'etc/local'), 'by the administrator\n');
  await host.desire('one', 'Applied', firstSpec());
  await host.converge('one');

  const { booted, rollback, kernelArguments, drift } = await host.status();
  const etc = join(booted.root, 'etc');
  expect(drift).toEqual([]);
  expect(rollback?.name).toBe(old.name);
  expect(booted.image).toBe(next);
  expect(kernelArguments).toEqual(['root=LABEL=root', 'rw', 'quiet', 'console=ttyS0', 'audit=1']);
  expect(await readFile(join(etc, 'motd'), 'utf8')).toBe('managed\n');
  expect(await readFile(join(etc, 'version'), 'utf8')).toBe('2');
  expect(await readFile(join(etc, 'local'), 'utf8')).toBe('by the administrator\n');
  const conf = await stat(join(etc, 'app/app.conf'));
  expect([conf.mode & 0o7777, conf.uid, conf.gid]).toEqual([0o640, 33, 0]);
  const directory = await stat(join(etc, 'app'));
  expect([directory.mode & 0o7777, directory.uid, directory.gid]).toEqual([0o750, 33, 34]);
  for (const unit of ['app.service', 'shipped.service']) {
    const { stdout } = await spawn('systemctl', [`--root=${booted.root}`, 'is-enabled', unit]);
    expect(stdout).toBe('enabled');
  }
  expect(await readFile(join(old.root, 'etc/motd'), 'utf8')).toBe('Welcome to 1\n');
  expect(await absent(join(old.root, 'etc/app'))).toBe(true);
  const defaultOn = 'systemd/system/multi-user.target.wants/default-on.service';
  expect(await absent(join(etc, defaultOn))).toBe(true);
  await fsck(host);

  await host.desire('two', 'Applied', {
    kernelArguments: ['audit=0'],
    config: { ignition: { version: '3.4.0' }, systemd: { units: [{ name: 'shipped.service', enabled: false }] } },
  });
  await host.converge('two');
  const second = await host.status();
  const secondEtc = join(second.booted.root, 'etc');
  expect(second.booted.image).toBe(next);
  expect(second.rollback?.name).toBe(booted.name);
  expect(second.kernelArguments).toEqual(['root=LABEL=root', 'rw', 'audit=0']);
  expect(await readFile(join(secondEtc, 'motd'), 'utf8')).toBe('Welcome to 2\n');
  expect(await readFile(join(secondEtc, 'local'), 'utf8')).toBe('by the administrator\n');
  for (const path of [
    'app',
    'systemd/system/app.service',
    'systemd/system/app.service.d',
    'systemd/system/noisy.service',
  ]) {
    expect(await absent(join(secondEtc, path)), path).toBe(true);
  }
  const { stdout } = await spawn('find', [join(secondEtc, 'systemd'), '-not', '-type', 'd', '-printf', '%P %l']);
  expect(stdout).toBe('system/multi-user.target.wants/default-on.service /usr/lib/systemd/system/default-on.service');
  // The agent tidies up after it has verified the boot.
  await host.runUntil(() => absent(old.root));
  await fsck(host);
});

test('a failure leaves the host on what it runs, and it goes on when the cause is gone', async () => {
  await using host = await FixtureHost.create(base);
  const before = (await host.status()).booted.name;
  registry.down = true;
  await host.desire('one', 'Applied', firstSpec());
  const converged = host.converge('one');
  await sleep(2_500);
  expect((await host.status()).booted.name).toBe(before);
  registry.down = false;
  await converged;
});

test('an image that is not there, or has no kernel, is a failure with its own code', async () => {
  await using host = await FixtureHost.create(base);
  const { 'usr/lib/modules/6.1.0-varve/vmlinuz': _, ...files } = bootableContent('3').files;
  const images = {
    IMAGE_NOT_FOUND: next.replace(/@.*/, `@sha256:${'0'.repeat(64)}`),
    IMAGE_NOT_BOOTABLE: registry.add({ ...bootableContent('3'), files }),
  };
  for (const [code, image] of Object.entries(images)) {
    await host.desire(code, 'Applied', { osImageURL: image });
    await host.runUntil(async () => host.failures.includes(code));
  }
  await host.desire('one', 'Applied', firstSpec());
  await host.converge('one');
});

test('a unit that cannot be enabled ends in no deployment', async () => {
  await using host = await FixtureHost.create(base);
  const systemd = { units: [{ name: 'missing.service', enabled: true }] };
  await host.desire('one', 'Applied', { config: { ignition: { version: '3.4.0' }, systemd } });
  await host.runUntil(async () => !(await absent(host.paths.staged)));
  // It is tried again, which changes nothing.
  await host.runUntil(async () => host.failures.length > 1);
  const { stdout } = await spawn('ostree', ['admin', 'status', `--sysroot=${host.sysroot}`]);
  expect(stdout.match(/\.0|\.1/g)).toHaveLength(1);
  expect(new Set(host.failures)).toEqual(new Set(['UNIT_FAILED']));
});

test('drift of every kind is seen as it happens, and clears by itself', async () => {
  await using host = await FixtureHost.create(base);
  await host.desire('one', 'Applied', firstSpec());
  await host.converge('one');
  const { sysroot, paths } = host;
  const boot = directoryBoot(sysroot, paths);
  const driver = new OstreeDriver({
    sysroot,
    stateroot: 'varve',
    paths,
    boot,
    network: new OwnNetwork(async () => undefined, undefined),
  });
  const stop = new AbortController();
  let isWatching = false;
  let seen: readonly Drift[] = [];
  const onDrift = (drift: readonly Drift[]) => {
    seen = drift;
  };
  const onError = (error: unknown) => {
    throw error;
  };
  const glanced: Drift[] = [];
  const contentOf = (path: string) => (path === '/etc/app/app.conf' ? Buffer.from('a=1\n') : undefined);
  const monitor = monitorDrift(
    {
      host: () => driver.status(),
      check: async (request) => {
        const drift = await driver.checkDrift(request);
        isWatching = true;
        return drift;
      },
      glance: async ({ booted }, paths) =>
        booted.applied ? await glance(treeOf(booted), booted.applied, paths, contentOf) : [],
      onGlance: (drift) => void glanced.push(...drift),
      onDrift,
      onError,
    },
    stop.signal,
  );
  await waitUntil(async () => isWatching);
  const etc = join((await host.status()).booted.root, 'etc');
  const conf = join(etc, 'app/app.conf');
  const wants = join(etc, 'systemd/system/multi-user.target.wants/app.service');
  const target = '/etc/systemd/system/app.service';
  const changes: [kind: string, path: string, spoil: () => Promise<unknown>, mend: () => Promise<unknown>][] = [
    ['Content', '/etc/app/app.conf', () => writeFile(conf, 'a=2\n'), () => writeFile(conf, 'a=1\n')],
    ['Mode', '/etc/app/app.conf', () => chmod(conf, 0o666), () => chmod(conf, 0o640)],
    ['Owner', '/etc/app/app.conf', () => chown(conf, 0, 0), () => chown(conf, 33, 0)],
    [
      'Missing',
      '/etc/app/current',
      () => rm(join(etc, 'app/current')),
      () => spawn('ln', ['-s', 'app.conf', join(etc, 'app/current')]),
    ],
    [
      'Unit',
      '/etc/systemd/system/multi-user.target.wants/app.service',
      () => rm(wants),
      () => spawn('ln', ['-s', target, wants]),
    ],
  ];
  for (const [kind, path, spoil, mend] of changes) {
    await spoil();
    await waitUntil(async () => seen.some((drift) => drift.kind === kind && drift.path === path));
    expect(JSON.stringify(seen)).not.toContain('a=2');
    await mend();
    await waitUntil(async () => seen.length === 0);
  }
  // Owners and units are for the full check.
  expect(new Set(glanced.map(({ kind }) => kind))).toEqual(new Set(['Content', 'Mode', 'Missing']));
  stop.abort();
  await monitor;
});

test('a full disk is waited out', async () => {
  const directory = await spawn('mktemp', ['-d']).then(({ stdout }) => stdout);
  await spawn('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', directory]);
  try {
    const host = await FixtureHost.create(base, join(directory, 'host'));
    const before = (await host.status()).booted.name;
    await host.desire('one', 'Applied', firstSpec());
    await expect(writeFile(join(directory, 'ballast'), Buffer.alloc(30 << 20))).rejects.toMatchObject({
      code: 'ENOSPC',
    });
    await host.runUntil(async () => host.failures.includes('DISK_FULL'));
    expect((await host.status()).booted.name).toBe(before);
    await rm(join(directory, 'ballast'));
    await host.converge('one');
    await fsck(host);
  } finally {
    await spawn('umount', ['--lazy', directory]);
    await rm(directory, { recursive: true, force: true });
  }
});

test('two agents on one sysroot refuse', async () => {
  await using host = await FixtureHost.create(base);
  await host.desire('one', 'Staged', firstSpec());
  await host.runUntil(async () => {
    const { sysroot } = host;
    await expect(runAgent({ sysroot, signal: AbortSignal.timeout(1000) })).rejects.toMatchObject({
      code: 'AGENT_RUNNING',
    });
    await expect(
      createHost({ sysroot, image: base, kernelArguments: [], registry: { insecure: true } }),
    ).rejects.toMatchObject({ code: 'AGENT_RUNNING' });
    return true;
  });
});
