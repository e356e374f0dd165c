// The estimate of what an import takes, against what it takes.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OstreeError } from './error.ts';
import { importImage } from './image.ts';
import { Repository } from './repository.ts';
import { bootableLayer, chunkedImage, type TestImage, testImage } from './testing/image.ts';
import { SmallDisk } from './testing/small-disk.ts';
import { fsck } from './testing/sysroot.ts';
import type { TarInput } from './testing/tar.ts';

let directory: string;
let disk: SmallDisk;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-space-'));
  disk = await SmallDisk.mount(directory, 200_000_000);
  repository = await Repository.create(join(disk.path, 'repo'), 'bare');
});

afterEach(async () => {
  await disk[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

function importIt({ image, openLayer, openRanges }: TestImage) {
  return importImage({ repository, image, openLayer, openRanges });
}

/** What an import says that it needs at least, where there is no room at all. */
async function estimateOf(image: TestImage): Promise<number> {
  await disk.fill(1_000_000);
  const error: unknown = await importIt(image).catch((cause: unknown) => cause);
  await disk.empty();
  if (!(error instanceof OstreeError)) throw error;
  return Number(/at least (\d+) are needed/.exec(error.message)?.[1]);
}

/** The most that is taken at any moment, and in the end. */
async function measure(image: TestImage): Promise<{ most: number; end: number }> {
  const before = await freeBytes();
  let least = before;
  const watch = setInterval(async () => {
    least = Math.min(least, await disk.freeBytes());
  }, 5);
  await importIt(image);
  clearInterval(watch);
  return { most: before - least, end: before - (await freeBytes()) };
}

async function freeBytes(): Promise<number> {
  await spawn('sync', ['--file-system', disk.path]);
  return disk.freeBytes();
}

const block = 4096;
const directories = 50;
const count = 600;

/** Files of all sizes. Those of one version have the same contents. */
function files(version: number, attributes: Partial<TarInput> = {}): TarInput[] {
  const sizes = [1, 100, 4095, 4096, 4097, 20_000, 100_000];
  return Array.from({ length: count }, (_, index): TarInput => {
    const path = `usr/share/${index % directories}/${index}`;
    const content = Buffer.alloc(sizes[index % sizes.length] ?? 0, `${version} ${index}`);
    return { path, content, ...attributes };
  });
}

test.each<[string, TarInput[], number]>([
  ['other files', files(2), 1],
  ['the same files of another owner', files(1, { uid: 7 }), 1],
  // They are there twice before they have their names.
  ['other files with attributes', files(2, { xattrs: { 'user.x': 'x' } }), 2],
])('%s take no more than the estimate, and less by at most a block for each', async (_, changed, copies) => {
  const present = { path: 'usr/present', content: randomBytes(5_000_000) };
  await importIt(testImage([[...bootableLayer, present, ...files(1)]], { reference: 'localhost/os:1' }));
  const next = await chunkedImage([[...bootableLayer, present, ...changed]]);
  const estimate = await estimateOf(next);
  const { most, end } = await measure(next);
  expect(next.opened).toEqual([]);
  expect(estimate).toBeLessThanOrEqual(copies * (end + count * block));
  // Directories are not in the estimate: one block for the layer's tree, one for that of the image.
  expect(most).toBeLessThanOrEqual(estimate + 2 * directories * block);
  await fsck(repository.path);
});
