// Tables of contents that lie, or say what no host should believe: nothing of such a layer is ever seen.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { chunkedLocation, digestOf } from '@varve/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importImage } from './image.ts';
import { imageRefPrefix, layerRefPrefix } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, chunkedImage, type TestImage, testImage } from './testing/image.ts';
import { fsck } from './testing/sysroot.ts';
import type { TarInput } from './testing/tar.ts';

const present: readonly TarInput[] = [...bootableLayer, { path: 'usr/present', content: randomBytes(200_000) }];

let directory: string;
let repository: Repository;
let refs: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-lies-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
  await importImage({ repository, ...testImage([present], { reference: 'localhost/os:1' }) });
  refs = await allRefs();
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function allRefs(): Promise<string[]> {
  return [...(await repository.listRefs(layerRefPrefix)), ...(await repository.listRefs(imageRefPrefix))];
}

async function expectRefused({ image, opened, openLayer, openRanges }: TestImage, error: object): Promise<void> {
  await expect(importImage({ repository, image, openLayer, openRanges })).rejects.toMatchObject(error);
  // It was the table that was refused, and not the layer behind it.
  expect(opened).toEqual([]);
  expect(await allRefs()).toEqual(refs);
  expect((await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'))).toEqual([]);
  await fsck(repository.path);
}

describe('what is refused in an archive is refused in a table:', () => {
  test.each<[string, TarInput[], string]>([
    ['a device', [{ path: 'usr/null', type: 'character' }], 'a device or a pipe'],
    ['a pipe', [{ path: 'usr/pipe', type: 'fifo' }], 'a device or a pipe'],
    ['a path that leaves the tree', [{ path: 'usr/../../etc/x', content: 'x' }], 'has the part `..`'],
    ['a hard link to nothing', [{ path: 'usr/x', type: 'hardlink', linkTarget: 'usr/y' }], 'hard link to "usr/y"'],
    ['a hard link out of the tree', [{ path: 'usr/x', type: 'hardlink', linkTarget: '../etc/shadow' }], '..'],
    [
      'a file below a link',
      [
        { path: 'lib', type: 'symlink', linkTarget: 'usr/lib' },
        { path: 'lib/x', content: 'x' },
      ],
      'lies below "lib"',
    ],
    [
      'a file below a file',
      [
        { path: 'usr/x', content: 'x' },
        { path: 'usr/x/y', content: 'y' },
      ],
      'lies below "x"',
    ],
    ['a name that is too long', [{ path: `usr/${'n'.repeat(256)}`, content: 'x' }], 'longer than 255 bytes'],
    ['a whiteout of the directory above', [{ path: 'usr/.wh...' }], 'begins with .wh.'],
  ])('%s', async (_, odd, message) => {
    await expectRefused(await chunkedImage([[...present, ...odd]]), {
      code: 'LAYER_NOT_IMPORTABLE',
      message: expect.stringContaining(message),
    });
  });
});

interface Entry {
  name: string;
  type?: string;
  size?: number;
  offset?: number;
  endOffset?: number;
  digest?: string;
}

/** An image whose manifest and table fit together, and whose table says something else than its blob has. */
async function lyingImage(change: (entries: Entry[], first: Entry, second: Entry) => unknown): Promise<TestImage> {
  const honest = await chunkedImage([
    [
      ...present,
      { path: 'usr/first', content: Buffer.alloc(5_000_000) },
      { path: 'usr/second', content: randomBytes(1000) },
    ],
  ]);
  const [layer] = honest.image.manifest.layers;
  const toc = layer && chunkedLocation(layer)?.toc;
  if (layer === undefined || toc === undefined) throw new Error('no table');
  const blob = Buffer.concat(await Array.fromAsync(await honest.openLayer(layer)));
  const table: { entries: Entry[] } = JSON.parse(
    zstdDecompressSync(blob.subarray(toc.offset, toc.offset + toc.length)).toString(),
  );
  const [first, second] = ['usr/first', 'usr/second'].map((name) => table.entries.find((entry) => entry.name === name));
  if (first === undefined || second === undefined) throw new Error('no such entry');
  change(table.entries, first, second);
  const text = JSON.stringify(table);
  const compressed = zstdCompressSync(text);
  const lying = Buffer.concat([blob.subarray(0, toc.offset), compressed]);
  const prefix = 'io.github.containers.zstd-chunked.manifest-';
  const descriptor = {
    ...layer,
    annotations: {
      ...layer.annotations,
      [`${prefix}checksum`]: digestOf(compressed),
      [`${prefix}position`]: `${toc.offset}:${compressed.length}:${text.length}:1`,
    },
  };
  honest.opened.length = 0;
  return {
    ...honest,
    image: { ...honest.image, manifest: { ...honest.image.manifest, layers: [descriptor] } },
    async *openRanges(_descriptor, ranges) {
      for (const { offset, length } of ranges) yield { offset, bytes: piece(lying.subarray(offset, offset + length)) };
    },
  };
}

async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe('a table that lies about', () => {
  test('nothing is believed', async () => {
    const { image, openLayer, openRanges, opened } = await lyingImage(() => undefined);
    await importImage({ repository, image, openLayer, openRanges });
    expect(opened).toEqual([]);
    await fsck(repository.path);
  });

  test.each<[string, Parameters<typeof lyingImage>[0], string]>([
    [
      'a digest',
      (_entries, _first, second) => Object.assign(second, { digest: digestOf(Buffer.from('x')) }),
      'DIGEST_MISMATCH',
    ],
    ['a size, with more', (_entries, _first, second) => Object.assign(second, { size: 1001 }), 'SIZE_MISMATCH'],
    ['a size, with very much', (_entries, _first, second) => Object.assign(second, { size: 2 ** 50 }), 'DISK_FULL'],
    ['a size, with less than a bomb has', (_entries, first) => Object.assign(first, { size: 1000 }), 'DIGEST_MISMATCH'],
    [
      'an offset',
      (_entries, _first, second) => Object.assign(second, { offset: (second.offset ?? 0) + 1 }),
      'LAYER_INVALID',
    ],
    [
      'an offset, with one behind the blob',
      (_entries, _first, second) => Object.assign(second, { offset: 2 ** 40, endOffset: 2 ** 40 + 1000 }),
      'TOC_INVALID',
    ],
    [
      'places, with two files in one',
      (_entries, first, second) => Object.assign(second, { offset: first.offset, endOffset: first.endOffset }),
      'TOC_INVALID',
    ],
    [
      'places, with one that reaches into another',
      (_entries, first, second) => Object.assign(first, { endOffset: (second.offset ?? 0) + 1 }),
      'TOC_INVALID',
    ],
    ['names, with one that is there twice', (entries, first) => entries.push({ ...first }), 'TOC_INVALID'],
    ['types', (_entries, first) => Object.assign(first, { type: 'socket' }), 'TOC_INVALID'],
  ])('%s', async (_, change, code) => {
    await expectRefused(await lyingImage(change), { code });
  });
});
