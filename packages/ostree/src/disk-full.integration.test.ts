// A disk that fills up in the middle of an import: it says so, leaves nothing half done, and goes on from there.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Descriptor, digestOf, OciError } from '@varve/oci';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseChecksum } from './checksum.ts';
import { importImage } from './image.ts';
import { imageRef, layerRef } from './ref-name.ts';
import { Repository } from './repository.ts';
import { encapsulate } from './testing/encapsulate.ts';
import { bootableLayer, chunkedImage, type TestImage, testImage } from './testing/image.ts';
import { SmallDisk } from './testing/small-disk.ts';
import { fsck, ostree } from './testing/sysroot.ts';
import { tar } from './testing/tar.ts';

const megabyte = 1_000_000;

let directory: string;
let disk: SmallDisk;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-full-'));
  disk = await SmallDisk.mount(directory, 250 * megabyte);
  repository = await Repository.create(join(disk.path, 'repo'), 'bare');
});

afterEach(async () => {
  await disk[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function importInto(target: Repository, { image, openLayer, openRanges }: TestImage) {
  return importImage({ repository: target, image, openLayer, openRanges });
}

/** The commit that an import gives where there is room. */
async function undisturbed(image: TestImage): Promise<string> {
  const { commit } = await importInto(await Repository.create(join(directory, 'roomy'), 'bare'), image);
  image.opened.length = 0;
  image.pieces.length = 0;
  return commit;
}

async function expectDiskFull(image: TestImage, message = 'free some space'): Promise<void> {
  await expect(importInto(repository, image)).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringContaining(message),
  });
  expect((await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'))).toEqual([]);
  expect(await repository.readRef(imageRef(image.image.reference))).toBeUndefined();
  await fsck(repository.path);
}

/** Opens the layer that does not fit only after the others are complete. */
function lastOpened(image: TestImage, last: Descriptor): TestImage {
  const others = image.image.manifest.layers.filter(({ digest }) => digest !== last.digest);
  async function waitForOthers({ digest: opened }: Descriptor): Promise<void> {
    if (opened !== last.digest) return;
    for (const { digest } of others) while ((await repository.readRef(layerRef(digest))) === undefined) await sleep(10);
  }
  return {
    ...image,
    async openLayer(descriptor) {
      await waitForOthers(descriptor);
      return image.openLayer(descriptor);
    },
    async *openRanges(descriptor, ranges, signal) {
      await waitForOthers(descriptor);
      yield* image.openRanges(descriptor, ranges, signal);
    },
  };
}

// biome-ignore lint/correctness/useYield: it fails before the first piece
async function* noRanges(): AsyncGenerator<never, void, undefined> {
  throw new OciError('RANGES_UNSUPPORTED', 'no ranges');
}

function layerAt({ image }: TestImage, index: number): Descriptor {
  const layer = image.manifest.layers.at(index);
  if (layer === undefined) throw new Error('no such layer');
  return layer;
}

test('an import of missing files goes on with the file at which it stopped', async () => {
  const present = { path: 'usr/present', content: randomBytes(10 * megabyte) };
  await importInto(repository, testImage([[...bootableLayer, present]], { reference: 'localhost/os:1' }));
  // Two of them are as much as is made safe at once.
  const files = [0, 1, 2].map((index) => ({ path: `usr/${index}`, content: randomBytes(35 * megabyte) }));
  const next = await chunkedImage([[...bootableLayer, present, ...files]]);
  const commit = await undisturbed(next);
  async function* filling(...args: Parameters<TestImage['openRanges']>) {
    let count = 0;
    for await (const range of next.openRanges(...args)) {
      count++;
      if (count === files.length) await disk.fill(10 * megabyte);
      yield range;
    }
  }
  await expectDiskFull({ ...next, openRanges: filling });
  expect(next.pieces).toHaveLength(3);
  expect(await repository.readRef(layerRef(layerAt(next, 0).digest))).toBeUndefined();

  await disk.empty();
  next.pieces.length = 0;
  expect(await importInto(repository, next)).toMatchObject({ commit });
  expect(next.opened).toEqual([]);
  expect(next.pieces).toHaveLength(1);
  await fsck(repository.path);
});

test('a first import of chunked layers fetches again only the layer at which it stopped', async () => {
  const image = await chunkedImage([
    bootableLayer,
    [{ path: 'usr/random', content: randomBytes(megabyte) }],
    // Compressed, it seems to fit.
    [
      { path: 'usr/more', content: randomBytes(megabyte) },
      { path: 'usr/zeros', content: Buffer.alloc(40 * megabyte) },
    ],
  ]);
  const commit = await undisturbed(image);
  await disk.fill(20 * megabyte);
  // By its table of contents the layer is known to be too large, so that nothing of it is fetched.
  await expectDiskFull(lastOpened(image, layerAt(image, 2)), 'are needed; free');
  expect(image.opened).toHaveLength(2);
  image.opened.length = 0;
  await expectDiskFull({ ...lastOpened(image, layerAt(image, 2)), openRanges: noRanges });
  expect(image.opened).toEqual([layerAt(image, 2).digest]);

  await disk.empty();
  image.opened.length = 0;
  expect(await importInto(repository, image)).toMatchObject({ commit, layersFetched: 1, layersReused: 2 });
  expect(image.opened).toEqual([layerAt(image, 2).digest]);
  await fsck(repository.path);
});

test('an import of an OSTree commit fetches again only the layer at which it stopped', async () => {
  const root = join(directory, 'root');
  const files: [string, Buffer][] = [
    ['usr/lib/modules/6.1/vmlinuz', Buffer.from('kernel')],
    ['usr/lib/modules/6.1/initramfs.img', Buffer.from('initramfs')],
    ...Array.from({ length: 20 }, (_, index): [string, Buffer] => [`usr/share/${index}`, randomBytes(1000)]),
    ['usr/zeros', Buffer.alloc(40 * megabyte)],
  ];
  for (const [path, content] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  const archive = await Repository.create(join(directory, 'archive'), 'archive');
  const base = parseChecksum(await ostree('commit', `--repo=${archive.path}`, '--branch=os', `--tree=dir=${root}`));
  const { commitLayer, chunkLayers } = await encapsulate(archive, base, 3);
  const image = testImage([commitLayer, ...chunkLayers], {
    labels: { 'ostree.commit': base, 'ostree.final-diffid': digestOf(tar(chunkLayers.at(-1) ?? [])) },
  });
  const commit = await undisturbed(image);
  const isLarge = (layer: (typeof chunkLayers)[number]) =>
    layer.some(({ content }) => (content?.length ?? 0) > megabyte);
  const large = layerAt(image, 1 + chunkLayers.findIndex(isLarge));
  await disk.fill(20 * megabyte);
  await expectDiskFull(lastOpened(image, large));
  expect(image.opened).toHaveLength(4);

  await disk.empty();
  image.opened.length = 0;
  expect(await importInto(repository, image)).toMatchObject({ commit, layersFetched: 1, layersReused: 3 });
  expect(image.opened).toEqual([large.digest]);
  await fsck(repository.path);
});
