// Labels of what a config writes into a deployment, by the policy that Debian ships.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import { parseChecksum } from '@varve/ostree';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryBoot } from '../../boot/boot.ts';
import { FixtureHost } from '../../fixtures/host.ts';
import { bootableContent, FixtureRegistry, withShell } from '../../fixtures/registry.ts';
import { trustLocally } from '../../helper/verify.ts';
import { OwnNetwork } from '../../network/network.ts';
import { requireLabelling } from '../../tree/labels.ts';
import { OstreeDriver } from './driver.ts';
import { OwnImporter } from './import.ts';

const { signal } = new AbortController();
let registry: FixtureRegistry;
let image: string;

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  const core = 'root:x:0:0::/root:/bin/sh\ncore:x:1000:1000::/var/home/core:/bin/sh\n';
  const accounts = { 'etc/passwd': core, 'etc/shadow': 'root:*:1::::::\ncore:!:1::::::\n' };
  const content = withShell(bootableContent('1', accounts));
  // OSTree asks it, in the new deployment, whether it can refresh a policy (ostree-sysroot-deploy.c, sysroot_finalize_selinux_policy).
  image = registry.add({ ...content, copies: { ...content.copies, 'usr/bin/semodule': '/bin/true' } });
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const spec: MachineConfigSpec = {
  config: {
    ignition: { version: '3.4.0' },
    passwd: { users: [{ name: 'core', passwordHash: '$6$x' }] },
    storage: { files: [{ path: '/etc/ssh/sshd_config.d/10-varve.conf', contents: { source: 'data:,x' } }] },
    systemd: {
      units: [
        {
          name: 'app.service',
          enabled: true,
          contents: '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=a.target',
        },
      ],
    },
  },
};

test('everything that a config writes has the label of its path', async () => {
  await using host = await FixtureHost.create(image);
  const commit = await commitWithPolicy(host, 'permissive');
  const driver = driverOf(host, commit);
  const target = trustLocally({ config: 'one', image, spec });
  await driver.stage({ target, signal, onProgress: () => {} });
  await driver.apply({ target, signal, onStep: () => {} });
  const [next] = (await driver.status(signal)).deployments;
  const label = async (path: string) => await labelOf(join(next?.root ?? '', path));
  expect(await label('etc/shadow')).toBe('system_u:object_r:shadow_t:s0');
  expect(await label('etc/systemd/system/app.service')).toBe('system_u:object_r:systemd_unit_t:s0');
  expect(await label('etc/systemd/system/a.target.wants/app.service')).toBe('system_u:object_r:systemd_unit_t:s0');
  expect(await label('etc/ssh')).toBe('system_u:object_r:etc_t:s0');
  expect(await label('etc/ssh/sshd_config.d/10-varve.conf')).toBe('system_u:object_r:etc_t:s0');
  expect(await label('etc/varve/applied.json')).toBe('system_u:object_r:etc_t:s0');
});

test('a policy that is disabled labels nothing', async () => {
  await using host = await FixtureHost.create(image);
  const driver = driverOf(host, await commitWithPolicy(host, 'disabled'));
  const target = trustLocally({ config: 'one', image, spec });
  await driver.stage({ target, signal, onProgress: () => {} });
  await driver.apply({ target, signal, onStep: () => {} });
  const [next] = (await driver.status(signal)).deployments;
  expect(await labelOf(join(next?.root ?? '', 'etc/shadow'))).toBe('');
});

test('a host without the program is told what to install', async () => {
  await expect(requireLabelling('targeted', ['/nowhere/setfiles'])).rejects.toMatchObject({
    code: 'DRIVER_UNSUITABLE',
    message: expect.stringContaining('install policycoreutils'),
  });
  await requireLabelling('targeted');
});

/** A tool that brings the commit, as rpm-ostree brings one with labels. */
function driverOf({ sysroot, paths }: FixtureHost, commit: string): OstreeDriver {
  const network = new OwnNetwork(async () => undefined, undefined);
  const tool = new OwnImporter(network, undefined);
  tool.fetch = async () => ({ commit: parseChecksum(commit), kernelArguments: [] });
  const boot = directoryBoot(sysroot, paths);
  return new OstreeDriver({ sysroot, stateroot: 'varve', paths, boot, network, tool });
}

/** What the host runs, with this machine's policy in it. */
async function commitWithPolicy(host: FixtureHost, state: string): Promise<string> {
  const overlay = await mkdtemp(join(tmpdir(), 'varve-policy-'));
  try {
    const selinux = join(overlay, 'usr/etc/selinux');
    await mkdir(selinux, { recursive: true });
    await cp('/etc/selinux/default', join(selinux, 'default'), { recursive: true });
    await writeFile(join(selinux, 'config'), `SELINUX=${state}\nSELINUXTYPE=default\n`);
    const { booted } = await host.status();
    const trees = [`--tree=ref=${booted.checksum}`, `--tree=dir=${overlay}`];
    const args = ['commit', `--repo=${host.sysroot}/ostree/repo`, '--branch=policy', ...trees];
    return (await spawn('ostree', args)).stdout.trim();
  } finally {
    await rm(overlay, { recursive: true });
  }
}

async function labelOf(path: string): Promise<string> {
  const { stdout } = await spawn('getfattr', [
    '--absolute-names',
    '-h',
    '-m',
    'security.selinux',
    '--only-values',
    path,
  ]).catch(() => ({ stdout: '' }));
  return stdout.replace('\0', '');
}
