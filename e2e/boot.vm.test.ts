// Boots the example image: from the registry through the import and the deployment of @varve/ostree into an emulated machine.

import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseImageReference, RegistryClient } from '@varve/oci';
import { type Deployment, importImage, Sysroot } from '@varve/ostree';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildOsImages } from './os-images.ts';
import { run } from './process.ts';

const emulator = process.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
const hasEmulator = spawnSync(emulator, ['--version']).status === 0;
// Emulated, beside other work; alone it takes a minute.
const bootTimeout = 10 * 60_000;

/** Runs in the booted system and writes to the serial line, where the host reads it. Then the machine ends. */
const reportUnit = `[Unit]
After=multi-user.target getty.target
[Service]
Type=oneshot
StandardOutput=file:/dev/ttyS0
ExecStart=-/usr/bin/echo REPORT BEGIN
ExecStart=-/usr/bin/ostree admin status
ExecStart=-/usr/bin/cat /proc/cmdline
ExecStart=-/usr/bin/systemctl --failed --plain --no-legend --no-pager
ExecStart=-/usr/bin/systemctl is-active multi-user.target systemd-networkd nftables ssh
ExecStart=-/usr/sbin/nft list ruleset
ExecStart=-/usr/bin/journalctl --boot --unit=nftables --no-pager
ExecStart=-/usr/bin/findmnt --noheadings --output OPTIONS /usr
ExecStart=-/usr/bin/dpkg-query --show nftables
ExecStart=-/usr/bin/echo REPORT END
ExecStart=/usr/bin/systemctl --force --force poweroff
`;

let directory: string;
let tree: string | undefined;
let deployment: Deployment;
let console: string;

beforeAll(async () => {
  if (!hasEmulator) return;
  directory = await mkdtemp(join(tmpdir(), 'varve-boot-'));
  await using images = await buildOsImages();
  const sysroot = await Sysroot.create(join(directory, 'sysroot'), { stateroot: 'varve' });
  await using client = new RegistryClient({ insecure: true });
  const reference = parseImageReference(images.firewall.reference);
  const image = await client.getImage(reference);
  const { commit } = await importImage({
    repository: sysroot.repository,
    image,
    openLayer: (descriptor, signal) => client.openBlob(reference, descriptor, { signal }),
  });
  const kernelArguments = ['root=LABEL=root', 'rw', 'console=ttyS0', 'panic=5', 'systemd.show_status=false'];
  deployment = await sysroot.deploy({
    commit,
    stateroot: 'varve',
    imageReference: images.firewall.reference,
    kernelArguments,
  });
  tree = sysroot.deploymentPath(deployment);
  await addReportUnit(tree);
  console = await boot(sysroot, deployment);
}, 900_000 + bootTimeout);

afterAll(async () => {
  // ostree makes a deployment's top directory immutable.
  if (tree !== undefined) await run('chattr', '-i', tree);
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

async function addReportUnit(deploymentPath: string): Promise<void> {
  const units = join(deploymentPath, 'etc/systemd/system');
  await writeFile(join(units, 'report.service'), reportUnit);
  await mkdir(join(units, 'multi-user.target.wants'), { recursive: true });
  await symlink('../report.service', join(units, 'multi-user.target.wants/report.service'));
}

/** Boots what the boot entry says from a disk with the sysroot, and returns what came over the serial line. */
async function boot(sysroot: Sysroot, booted: Deployment): Promise<string> {
  const fields = new Map((await sysroot.bootEntry(booted)).fields);
  // The entry's paths are seen from the boot loader, for which /boot may be a file system of its own.
  const inBoot = (key: string) => join(sysroot.path, 'boot', (fields.get(key) ?? '').replace(/^\/boot\//, '/'));
  const [kernel, initrd] = [join(directory, 'vmlinuz'), join(directory, 'initramfs')];
  await cp(inBoot('linux'), kernel);
  await cp(inBoot('initrd'), initrd);
  const disk = join(directory, 'disk');
  await run('truncate', '--size=2G', disk);
  await run('mke2fs', '-q', '-t', 'ext4', '-L', 'root', '-d', sysroot.path, '-F', disk);
  const log = join(directory, 'console');
  const machine = process.arch === 'arm64' ? ['-machine', 'virt'] : [];
  await run(
    'timeout',
    String(bootTimeout / 1000),
    emulator,
    ...machine,
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1024'],
    ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', `file:${log}`],
    ...['-drive', `file=${disk},format=raw,if=virtio`, '-nic', 'user,model=virtio-net-pci'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', fields.get('options') ?? ''],
  );
  return readFile(log, 'latin1');
}

test.skipIf(!hasEmulator)(`an image boots into its deployment (needs ${emulator})`, () => {
  const report = /REPORT BEGIN(?<report>[\s\S]*)REPORT END/.exec(console)?.groups?.report ?? console.slice(-4000);
  expect(console).toContain('login: ');
  expect(report).toContain(`* varve ${deployment.checksum}.${deployment.serial}`);
  expect(report).toMatch(/ostree=\/ostree\/boot\.[01]\/varve\/[0-9a-f]{64}\/0/);
  expect(report).toContain('tcp dport 22 accept');
  expect(report).toMatch(/(active\s+){4}/);
  expect(report).not.toMatch(/\S+\.(service|mount|socket)\s+loaded\s+failed/);
  expect(report).toMatch(/^\s*ro,/m);
  expect(report).toMatch(/nftables\s+1\./);
});
