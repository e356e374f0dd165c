// kill -9 at random moments of an import: a few times in each run of the tests, many times in the long ones.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importImage } from '../image.ts';
import { imageRef, layerRef } from '../ref-name.ts';
import { Repository } from '../repository.ts';
import type { TestImage } from './image.ts';
import { manyChangedFilesImage, manyFilesImage } from './many-files.ts';
import { fsck } from './sysroot.ts';

let directory: string;

async function temporaries(repository: Repository): Promise<string[]> {
  return (await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'));
}

interface Attempt {
  readonly finished: boolean;
  /** Digests of the layers that it began to fetch. */
  readonly fetched: readonly string[];
}

/** Imports in another process, which is killed after a time. */
async function importUntil(path: string, image: string, milliseconds: number): Promise<Attempt> {
  const module = (name: string) => JSON.stringify(join(import.meta.dirname, '..', name));
  const program = `
    import { writeSync } from 'node:fs';
    import { importImage } from ${module('image.ts')};
    import { Repository } from ${module('repository.ts')};
    import { ${image} } from ${module('testing/many-files.ts')};
    const repository = await Repository.open(${JSON.stringify(path)});
    const { image, openLayer, openRanges } = await ${image}();
    writeSync(1, 'ready\\n');
    await importImage({
      repository,
      image,
      openLayer: (descriptor) => (writeSync(1, descriptor.digest + '\\n'), openLayer(descriptor)),
      openRanges: (descriptor, ...rest) => (writeSync(1, descriptor.digest + '\\n'), openRanges(descriptor, ...rest)),
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'close');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child.stdout, 'data');
  await Promise.race([sleep(milliseconds), exit]);
  child.kill('SIGKILL');
  const [code] = await exit;
  return { finished: code === 0, fetched: output.split('\n').slice(1, -1) };
}

/** Kills imports into a repository until all rounds are over, checking it after each; then lets one end. */
async function killAndImport(
  repository: Repository,
  image: TestImage,
  program: string,
  duration: number,
  rounds: number,
) {
  for (let round = 0; round < rounds; round++) {
    const complete: string[] = [];
    for (const { digest } of image.image.manifest.layers) {
      if ((await repository.readRef(layerRef(digest))) !== undefined) complete.push(digest);
    }
    const { finished, fetched } = await importUntil(repository.path, program, Math.random() * duration);
    await fsck(repository.path);
    expect(fetched.filter((digest) => complete.includes(digest))).toEqual([]);
    if (!finished) continue;
    await repository.deleteRef(imageRef(image.image.reference));
    for (const { digest } of image.image.manifest.layers) await repository.deleteRef(layerRef(digest));
  }
  const { commit } = await importImage({ repository, ...image });
  expect(await temporaries(repository)).toEqual([]);
  await fsck(repository.path);
  return commit;
}

/** Imports undisturbed; gives the commit and the milliseconds that it takes. */
async function importOnce(path: string, image: TestImage): Promise<{ commit: string; duration: number }> {
  const repository = await Repository.create(path, 'bare');
  const began = performance.now();
  const { commit } = await importImage({ repository, ...image });
  return { commit, duration: performance.now() - began };
}

/** Each import is killed `rounds` times. `VARVE_KILL_ROUNDS` says another number. */
export function testKilledImports(usualRounds: number): void {
  const rounds = Number(process.env.VARVE_KILL_ROUNDS ?? usualRounds);
  /** Each round starts Node and checks the repository, which takes seconds on a busy machine. */
  const timeout = 600_000 + rounds * 30_000;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'varve-kill-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test(
    'an import of whole layers: a sound repository, nothing fetched again, and the same commit in the end',
    async () => {
      const image = manyFilesImage();
      const { commit, duration } = await importOnce(join(directory, 'undisturbed'), image);
      const repository = await Repository.create(join(directory, 'killed'), 'bare');
      expect(await killAndImport(repository, image, 'manyFilesImage', duration, rounds)).toBe(commit);
    },
    timeout,
  );

  test(
    'an update by tables of contents: the same',
    async () => {
      const image = await manyChangedFilesImage();
      const present = join(directory, 'present');
      await importOnce(present, manyFilesImage());
      await cp(present, join(directory, 'undisturbed'), { recursive: true, preserveTimestamps: true });
      const { commit, duration } = await importOnce(join(directory, 'undisturbed'), image);
      expect(image.opened).toEqual([]);
      const repository = await Repository.open(present);
      expect(await killAndImport(repository, image, 'manyChangedFilesImage', duration, rounds)).toBe(commit);
    },
    timeout,
  );
}
