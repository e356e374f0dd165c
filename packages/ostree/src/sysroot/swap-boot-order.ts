// Making a planned boot order the one that is booted. ostree before 2023.2 has no command for it; this does what libostree
// does (ostree-sysroot-deploy.c: swap_bootlinks, write_deployments_bootswap, swap_bootloader). Everything new is written
// beside what is in use, and one rename of /boot/loader makes it count: a crash leaves the old order or the new one.
import { mkdir, open, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAbsent } from '../repository.ts';
import { syncFileSystem, syncPaths } from '../sync.ts';
import type { BootOrder } from './boot-order.ts';

export interface SwapOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each step, so that a test can cut the power there. */
  readonly onStep?: ((step: string) => void) | undefined;
}

/** `sysroot` is the directory that holds /ostree and /boot. */
export async function swapBootOrder(sysroot: string, order: BootOrder, options: SwapOptions = {}): Promise<void> {
  const { signal, onStep } = options;
  await writeBootLinks(join(sysroot, 'ostree'), order, onStep);
  const boot = join(sysroot, 'boot');
  await writeEntries(boot, order, onStep);
  for (const path of [join(sysroot, 'ostree'), boot]) await syncFileSystem(path, signal);
  onStep?.('synced');
  await replaceSymlink(join(boot, 'loader'), `loader.${order.bootVersion}`, onStep);
  await syncFileSystem(boot);
  onStep?.('done');
}

/** /ostree/boot.N -> boot.N.S, where S is the one of 0 and 1 that is not in use. */
async function writeBootLinks(ostree: string, order: BootOrder, onStep: SwapOptions['onStep']): Promise<void> {
  const link = join(ostree, `boot.${order.bootVersion}`);
  const present = await readlink(link).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  const name = `boot.${order.bootVersion}.${present?.endsWith('.0') ? 1 : 0}`;
  await rm(join(ostree, name), { recursive: true, force: true });
  for (const { path, target } of order.links) {
    const place = join(ostree, name, path);
    await mkdir(dirname(place), { recursive: true });
    await symlink(target, place);
    onStep?.(`link ${path}`);
  }
  await replaceSymlink(link, name, onStep);
}

async function writeEntries(boot: string, order: BootOrder, onStep: SwapOptions['onStep']): Promise<void> {
  const loader = join(boot, `loader.${order.bootVersion}`);
  await rm(loader, { recursive: true, force: true });
  await mkdir(join(loader, 'entries'), { recursive: true });
  onStep?.('loader directory');
  for (const { fileName, text } of order.entries) {
    await using file = await open(join(loader, 'entries', fileName), 'wx', 0o644);
    await file.writeFile(text);
    await file.sync();
    onStep?.(`entry ${fileName}`);
  }
  await syncPaths([join(loader, 'entries'), loader]);
}

/** Atomic: the link is made beside and renamed over the old one. */
async function replaceSymlink(path: string, target: string, onStep: SwapOptions['onStep']): Promise<void> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  onStep?.(`temporary ${target}`);
  await rename(temporary, path);
  await syncPaths([dirname(path)]);
  onStep?.(`renamed ${target}`);
}
