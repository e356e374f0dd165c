import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageFacts } from './rules.ts';

/** Reads what the rules look at from a mounted image. Follows no link out of the tree: every step is an lstat or a readlink. */
export async function readDirectoryFacts(root: string): Promise<ImageFacts> {
  const modules = join(root, 'usr/lib/modules');
  const kernels: ImageFacts['kernels'][number][] = [];
  const versions =
    (await isDirectory(join(root, 'usr/lib'))) && (await isDirectory(modules)) ? await fs.readdir(modules) : [];
  for (const version of versions.sort()) {
    if (!(await isFile(join(modules, version, 'vmlinuz')))) continue;
    const hasInitramfs =
      (await isFile(join(modules, version, 'initramfs.img'))) || (await isFile(join(modules, version, 'initramfs')));
    kernels.push({ version, hasInitramfs });
  }
  return {
    kernels,
    hasEtc: await isDirectory(join(root, 'etc')),
    hasUsrEtc: await isDirectory(join(root, 'usr/etc')),
    hasSysroot: await isDirectory(join(root, 'sysroot')),
    ostreeLink: await fs.readlink(join(root, 'ostree')).catch(() => undefined),
  };
}

async function isDirectory(path: string): Promise<boolean> {
  return (await fs.lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await fs.lstat(path).catch(() => undefined))?.isFile() ?? false;
}
