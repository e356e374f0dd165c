import { nodeAt, type TreeDirectory, type TreeFile } from './tree.ts';

/** A kernel where libostree looks for it (ostree-sysroot-deploy.c, get_kernel_from_tree_usrlib_modules). */
export interface Kernel {
  readonly version: string;
  readonly image: TreeFile;
  readonly initramfs: TreeFile | undefined;
}

/** All kernels of a tree: directories of /usr/lib/modules that have a `vmlinuz`. */
export function findKernels(tree: TreeDirectory): Kernel[] {
  const modules = nodeAt(tree, 'usr/lib/modules');
  if (modules?.type !== 'directory') return [];
  const kernels: Kernel[] = [];
  for (const [version, directory] of modules.entries) {
    if (directory.type !== 'directory') continue;
    const image = directory.entries.get('vmlinuz');
    const initramfs = directory.entries.get('initramfs.img');
    if (image?.type !== 'file') continue;
    kernels.push({ version, image, initramfs: initramfs?.type === 'file' ? initramfs : undefined });
  }
  return kernels;
}
