import { describe, expect, test } from 'vitest';
import { findKernels } from './kernel.ts';
import { checksumFor, type FlatTree, treeOf } from './testing/tree.ts';

describe('findKernels', () => {
  test.each<[string, FlatTree, [string, boolean][]]>([
    ['one', { 'usr/lib/modules/6.1/vmlinuz': 'k', 'usr/lib/modules/6.1/initramfs.img': 'i' }, [['6.1', true]]],
    ['without initramfs', { 'usr/lib/modules/6.1/vmlinuz': 'k' }, [['6.1', false]]],
    [
      'two',
      { 'usr/lib/modules/6.1/vmlinuz': 'k', 'usr/lib/modules/6.2/vmlinuz': 'k' },
      [
        ['6.1', false],
        ['6.2', false],
      ],
    ],
    ['modules without a kernel', { 'usr/lib/modules/6.1/kernel/x.ko': 'm' }, []],
    ['a directory of that name', { 'usr/lib/modules/6.1/vmlinuz/x': 'm' }, []],
    ['nothing', {}, []],
    ['a link instead of the modules', { 'usr/lib/modules': 'l' }, []],
  ])('%s', (_, flat, kernels) => {
    const found = findKernels(treeOf(flat));
    expect(found.map(({ version, initramfs }) => [version, initramfs !== undefined])).toEqual(kernels);
  });

  test('gives the files', () => {
    const [kernel] = findKernels(
      treeOf({ 'usr/lib/modules/6.1/vmlinuz': 'k', 'usr/lib/modules/6.1/initramfs.img': 'i' }),
    );
    expect([kernel?.image.checksum, kernel?.initramfs?.checksum]).toEqual([checksumFor('k'), checksumFor('i')]);
  });
});
