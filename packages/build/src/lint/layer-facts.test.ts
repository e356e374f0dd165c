import type { TarEntry, TarEntryType } from '@varve/oci';
import { describe, expect, test } from 'vitest';
import { LayerFacts } from './layer-facts.ts';
import { lintImage } from './rules.ts';

interface Sketch {
  path: string;
  type?: TarEntryType;
  linkTarget?: string;
  text?: string;
}

async function* entriesOf(sketches: readonly (Sketch | string)[]): AsyncGenerator<TarEntry> {
  for (const sketch of sketches) {
    const { path, type = 'file', text = '', linkTarget } = typeof sketch === 'string' ? { path: sketch } : sketch;
    const bytes = Buffer.from(text);
    const content = (async function* () {
      yield bytes;
    })();
    const base = { path, type, mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: 0, xattrs: new Map(), content };
    yield linkTarget === undefined ? base : { ...base, linkTarget };
  }
}

async function merge(...layers: (Sketch | string)[][]): Promise<LayerFacts> {
  const facts = new LayerFacts();
  for (const layer of layers) await facts.add(entriesOf(layer));
  return facts;
}

const directory = (path: string): Sketch => ({ path, type: 'directory' });
const bootable: (Sketch | string)[] = [
  directory('./etc/'),
  directory('sysroot'),
  { path: 'ostree', type: 'symlink', linkTarget: 'sysroot/ostree' },
  directory('usr/lib/modules/6.1'),
  './usr/lib/modules/6.1/vmlinuz',
  '/usr/lib/modules/6.1/initramfs.img',
];

const codesOf = (facts: LayerFacts) => lintImage(facts.facts()).map((finding) => finding.code);

describe('the merged layers', () => {
  test('of a bootable image have no findings', async () => {
    expect(codesOf(await merge(bootable))).toEqual([]);
  });

  test.each([
    ['a whiteout of the kernel', ['usr/lib/modules/6.1/.wh.vmlinuz'], ['IMAGE_WITHOUT_KERNEL']],
    ['a whiteout of its directory', ['usr/lib/modules/.wh.6.1'], ['IMAGE_WITHOUT_KERNEL']],
    ['an opaque directory', ['usr/lib/modules/.wh..wh..opq'], ['IMAGE_WITHOUT_KERNEL']],
    ['a file in the place of a directory', ['usr/lib/modules'], ['IMAGE_WITHOUT_KERNEL']],
    ['a second kernel', ['usr/lib/modules/6.9/vmlinuz'], ['IMAGE_WITH_SEVERAL_KERNELS']],
    ['a whiteout of the initramfs', ['usr/lib/modules/6.1/.wh.initramfs.img'], ['IMAGE_WITHOUT_INITRAMFS']],
    ['/usr/etc', [directory('usr/etc')], ['IMAGE_WITH_TWO_ETC']],
    ['another /ostree', [directory('ostree')], ['IMAGE_WITHOUT_OSTREE_LAYOUT']],
    ['a whiteout of something else', ['usr/lib/modules/6.1/.wh.vmlinuz-old'], []],
  ])('see %s in an upper layer', async (_, layer, codes) => {
    expect(codesOf(await merge(bootable, layer))).toEqual(codes);
  });

  test('keep what the same layer adds beside an opaque whiteout, whatever the order', async () => {
    const kernel = ['usr/lib/modules/6.9/vmlinuz', 'usr/lib/modules/6.9/initramfs.img'];
    const opaque = 'usr/lib/modules/.wh..wh..opq';
    for (const layer of [
      [opaque, ...kernel],
      [...kernel, opaque],
    ]) {
      const facts = await merge(bootable, layer);
      expect(facts.facts().kernels).toEqual([{ version: '6.9', hasInitramfs: true }]);
    }
  });

  test('read the package list at its newest place and layer', async () => {
    const path = 'usr/lib/sysimage/dpkg/status';
    const facts = await merge([{ path, text: 'old' }], [{ path, text: 'new' }]);
    expect(facts.packageStatus()).toBe('new');
  });
});
