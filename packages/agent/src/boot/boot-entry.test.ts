import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  deploymentOf,
  firstBootEntry,
  parseBootEntry,
  parseCommandLine,
  parseRunningCommandLine,
} from './boot-entry.ts';

let sysroot: string;
beforeEach(async () => {
  sysroot = await mkdtemp(join(tmpdir(), 'varve-boot-'));
  await mkdir(join(sysroot, 'boot/loader/entries'), { recursive: true });
});
afterEach(async () => await rm(sysroot, { recursive: true }));

const entry = (version: number, name: string) =>
  `title OS (ostree:0)\nversion ${version}\noptions root=x  rw ostree=/ostree/boot.1/varve/${name}/0\nlinux /ostree/vmlinuz\n`;

test('an entry is taken apart; what boots no deployment is none', () => {
  expect(parseBootEntry(entry(2, 'sum'))).toEqual({
    version: 2,
    ostree: '/ostree/boot.1/varve/sum/0',
    kernelArguments: ['root=x', 'rw'],
    linux: '/ostree/vmlinuz',
    initrd: undefined,
  });
  expect(parseBootEntry('title Windows\nefi /EFI/x.efi\n')).toBeUndefined();
  expect(parseCommandLine('a b=c\n').ostree).toBeUndefined();
});

test("the running kernel's arguments are those of the entry, without what boot loaders add", () => {
  const text =
    'BOOT_IMAGE=(hd0,gpt3)/boot/vmlinuz initrd=\\ostree\\initrd rw quiet ostree=/o varve.entry=prev varve.fallback=1\n';
  expect(parseRunningCommandLine(text)).toEqual({ ostree: '/o', kernelArguments: ['rw', 'quiet'], fellBack: true });
  expect(parseRunningCommandLine('rw ostree=/o varve.entry=top').fellBack).toBe(false);
});

test('the highest version boots, compared as numbers', async () => {
  await mkdir(join(sysroot, 'boot/ostree'));
  await writeFile(join(sysroot, 'boot/ostree/vmlinuz'), '');
  for (const version of [2, 10, 9]) {
    await writeFile(join(sysroot, `boot/loader/entries/ostree-${version}.conf`), entry(version, `sum${version}`));
  }
  expect((await firstBootEntry(sysroot)).ostree).toContain('sum10');
});

test('no entry, or one without its kernel, does not boot', async () => {
  await expect(firstBootEntry(sysroot)).rejects.toMatchObject({ code: 'BOOT_FAILED' });
  await writeFile(join(sysroot, 'boot/loader/entries/ostree-1.conf'), entry(1, 'sum'));
  await expect(firstBootEntry(sysroot)).rejects.toMatchObject({ code: 'BOOT_FAILED' });
});

test('the link of an entry leads to a deployment or nowhere', async () => {
  const name = `${'a'.repeat(64)}.0`;
  await mkdir(join(sysroot, 'ostree/deploy/varve/deploy', name), { recursive: true });
  await mkdir(join(sysroot, 'ostree/boot.1/varve/sum'), { recursive: true });
  await symlink(`../../../deploy/varve/deploy/${name}`, join(sysroot, 'ostree/boot.1/varve/sum/0'));
  await symlink('../../../deploy/varve', join(sysroot, 'ostree/boot.1/varve/sum/1'));
  expect(await deploymentOf(sysroot, '/ostree/boot.1/varve/sum/0')).toBe(name);
  for (const index of [1, 2]) {
    await expect(deploymentOf(sysroot, `/ostree/boot.1/varve/sum/${index}`)).rejects.toMatchObject({
      code: 'BOOT_FAILED',
    });
  }
});
