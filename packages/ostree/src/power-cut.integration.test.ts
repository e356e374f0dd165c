// A machine that loses its power: what an import has promised is there, and what has a name is whole.
// VARVE_POWER_CUTS sets how often it happens at a random moment; 2 unless given.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importImage } from './image.ts';
import { imageRef } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, chunkedImage, type TestImage } from './testing/image.ts';
import { manyChangedFilesImage, manyFilesImage } from './testing/many-files.ts';
import { SmallDisk } from './testing/small-disk.ts';
import { fsck } from './testing/sysroot.ts';

const rounds = Number(process.env.VARVE_POWER_CUTS ?? 2);

let directory: string;
let disk: SmallDisk;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-power-'));
  disk = await SmallDisk.mount(directory, 250_000_000);
  repository = await Repository.create(join(disk.path, 'repo'), 'bare');
});

afterEach(async () => {
  await disk[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function importInto({ image, openLayer, openRanges }: TestImage) {
  return importImage({ repository, image, openLayer, openRanges });
}

async function expectImported(image: TestImage, commit: string): Promise<void> {
  expect(await repository.readRef(imageRef(image.image.reference))).toBe(commit);
  await fsck(repository.path);
  expect(await importInto(image)).toMatchObject({ commit, layersFetched: 0 });
}

function fewFilesImage(version: string): Promise<TestImage> {
  const files = [1, 2, 3].map((index) => ({ path: `usr/share/doc/${index}`, content: `${index} ${version}` }));
  const link = { path: 'usr/share/doc/link', type: 'symlink', linkTarget: version } as const;
  return chunkedImage([bootableLayer, [...files, link]], { reference: `localhost:5000/os:${version}` });
}

test('right after an import of many files', async () => {
  const image = manyFilesImage();
  const { commit } = await importInto(image);
  await disk.cutPower();
  await disk.restore();
  await expectImported(image, commit);
});

test('right after an update of a few files', async () => {
  await importInto(await fewFilesImage('old'));
  const image = await fewFilesImage('new');
  const { commit } = await importInto(image);
  await disk.cutPower();
  await disk.restore();
  await expectImported(image, commit);
});

test(
  `at ${rounds} random moments of updates`,
  async () => {
    const start = performance.now();
    await importInto(manyFilesImage());
    const duration = performance.now() - start;
    for (let round = 1; round <= rounds; round += 1) {
      const image = await manyChangedFilesImage(`version ${round}`);
      const update = importInto(image).catch((error: unknown) => error);
      await sleep(Math.random() * duration);
      await disk.cutPower();
      await update;
      await disk.restore();
      await fsck(repository.path);
    }
    const last = await manyChangedFilesImage('last');
    await expectImported(last, (await importInto(last)).commit);
  },
  600_000 + rounds * 60_000,
);
