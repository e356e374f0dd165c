// What importImage refuses, and that it then leaves nothing behind.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importImage } from './image.ts';
import { imageRefPrefix, layerRefPrefix } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, testImage } from './testing/image.ts';
import { fsck } from './testing/sysroot.ts';
import type { TarInput } from './testing/tar.ts';

let directory: string;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-image-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function temporaries(): Promise<string[]> {
  return (await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'));
}

describe('refuses, and leaves nothing behind', () => {
  const kernel = 'usr/lib/modules/6.1.0';
  test.each<[string, TarInput[], string, string | RegExp]>([
    [
      'a link that is too long',
      [{ path: 'usr/x', type: 'symlink', linkTarget: 'x'.repeat(4096) }],
      'LAYER_NOT_IMPORTABLE',
      'more than 4095 bytes',
    ],
    [
      'endless directories without entries',
      Array.from({ length: 5 }, (_, index) => ({ path: `${index}/${'a/'.repeat(2040)}x` })),
      'LAYER_NOT_IMPORTABLE',
      'too many directories',
    ],
    [
      'no kernel',
      [{ path: 'usr/lib/.wh.modules' }],
      'IMAGE_NOT_BOOTABLE',
      /^the image sha256:[0-9a-f]{64} has no kernel/,
    ],
    [
      'two kernels',
      [{ path: 'usr/lib/modules/6.2/vmlinuz', content: 'k' }],
      'IMAGE_NOT_BOOTABLE',
      '2 kernels in /usr/lib/modules (6.1.0, 6.2)',
    ],
    ['no initramfs', [{ path: `${kernel}/.wh.initramfs.img` }], 'IMAGE_NOT_BOOTABLE', 'no initramfs'],
    ['an empty kernel', [{ path: `${kernel}/vmlinuz` }], 'IMAGE_NOT_BOOTABLE', 'a link or empty'],
    [
      'a linked kernel',
      [{ path: `${kernel}/vmlinuz`, type: 'symlink', linkTarget: '/boot/x' }],
      'IMAGE_NOT_BOOTABLE',
      'a link or empty',
    ],
    ['a device', [{ path: 'usr/null', type: 'character' }], 'LAYER_NOT_IMPORTABLE', 'a device or a pipe'],
    ['a pipe', [{ path: 'usr/pipe', type: 'fifo' }], 'LAYER_NOT_IMPORTABLE', 'a device or a pipe'],
    ['a path that leaves the tree', [{ path: 'usr/../../etc/x' }], 'LAYER_NOT_IMPORTABLE', 'has the part `..`'],
    [
      'a hard link to nothing',
      [{ path: 'usr/x', type: 'hardlink', linkTarget: 'usr/y' }],
      'LAYER_NOT_IMPORTABLE',
      'hard link to "usr/y"',
    ],
    [
      'a hard link out of the tree',
      [{ path: 'usr/x', type: 'hardlink', linkTarget: '../etc/shadow' }],
      'LAYER_NOT_IMPORTABLE',
      '..',
    ],
    [
      'a file below a link',
      [{ path: 'lib', type: 'symlink', linkTarget: 'usr/lib' }, { path: 'lib/x' }],
      'LAYER_NOT_IMPORTABLE',
      'lies below "lib"',
    ],
    [
      'a file below a file',
      [{ path: 'usr/x', content: 'x' }, { path: 'usr/x/y' }],
      'LAYER_NOT_IMPORTABLE',
      'lies below "x"',
    ],
    [
      'a file in the place of the root',
      [{ path: './', type: 'symlink', linkTarget: '/' }],
      'LAYER_NOT_IMPORTABLE',
      'is the root',
    ],
    ['a name that is too long', [{ path: `usr/${'n'.repeat(256)}` }], 'LAYER_NOT_IMPORTABLE', 'longer than 255 bytes'],
    [
      'a path that leaves the tree by a pax record',
      [{ path: `usr/${'x/'.repeat(60)}../../etc/x` }],
      'LAYER_NOT_IMPORTABLE',
      '`..`',
    ],
    ['a whiteout of nothing', [{ path: 'usr/.wh.' }], 'LAYER_NOT_IMPORTABLE', 'begins with .wh.'],
    ['a whiteout of the directory above', [{ path: 'usr/.wh...' }], 'LAYER_NOT_IMPORTABLE', 'begins with .wh.'],
  ])('%s', async (_, layer, code, message) => {
    const { image, openLayer } = testImage([bootableLayer, layer]);
    await expect(importImage({ repository, image, openLayer })).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    });
    expect(await temporaries()).toEqual([]);
    expect(await repository.listRefs(imageRefPrefix)).toEqual([]);
    await fsck(repository.path);
  });

  test('a layer with another content than its diff-id says', async () => {
    const { image } = testImage([bootableLayer]);
    const other = testImage([[...bootableLayer, { path: 'usr/evil', content: 'x' }]]);
    const [descriptor] = other.image.manifest.layers;
    if (descriptor === undefined) throw new Error('no layer');
    const openLayer = () => other.openLayer(descriptor);
    await expect(importImage({ repository, image, openLayer })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await repository.listRefs(layerRefPrefix)).toEqual([]);
    expect(await temporaries()).toEqual([]);
    expect(
      (await readdir(join(repository.path, 'objects'), { recursive: true })).filter((name) => name.includes('.')),
    ).toEqual([]);
  });

  test('an image without a kernel, and keeps all its layers', async () => {
    const { image, openLayer } = testImage([bootableLayer, [{ path: 'usr/lib/.wh.modules' }]]);
    await expect(importImage({ repository, image, openLayer })).rejects.toMatchObject({ code: 'IMAGE_NOT_BOOTABLE' });
    expect(await repository.listRefs(layerRefPrefix)).toHaveLength(2);
    expect(await repository.listRefs(imageRefPrefix)).toEqual([]);
    await fsck(repository.path);
  });

  test('a repository of another mode', async () => {
    const archive = await Repository.create(join(directory, 'archive'), 'archive');
    const { image, openLayer } = testImage([bootableLayer]);
    await expect(importImage({ repository: archive, image, openLayer })).rejects.toMatchObject({
      code: 'REPOSITORY_INVALID',
    });
  });

  test('to go on when it is told to stop, and keeps the layers that are done', async () => {
    const { image, openLayer, opened } = testImage([bootableLayer, [{ path: 'usr/a', content: 'a' }]]);
    const stop = new AbortController();
    const stalled = importImage({
      repository,
      image,
      signal: stop.signal,
      openLayer: async (descriptor, signal) => {
        if (descriptor.digest !== image.manifest.layers[1]?.digest) return openLayer(descriptor);
        return untilAborted(signal);
      },
    });
    while ((await repository.listRefs(layerRefPrefix)).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort(new Error('enough'));
    await expect(stalled).rejects.toThrow('enough');
    expect(await temporaries()).toEqual([]);
    expect(await importImage({ repository, image, openLayer })).toMatchObject({ layersFetched: 1, layersReused: 1 });
    expect(opened).toHaveLength(2);
  });
});

async function* untilAborted(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  yield new Uint8Array();
}
