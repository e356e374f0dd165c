// What an import leaves when the disk is full.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawnCommand from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importImage } from './image.ts';
import { imageRefPrefix } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, testImage } from './testing/image.ts';
import { fsck } from './testing/sysroot.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-faults-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function temporaries(repository: Repository): Promise<string[]> {
  return (await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'));
}

describe('a full disk', () => {
  let mount: string;

  beforeEach(async () => {
    mount = join(directory, 'small');
    await mkdir(mount);
    await spawnCommand('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount]);
  });

  afterEach(async () => {
    await spawnCommand('umount', [mount]);
  });

  test.each([
    ['files', {}],
    ['files with extended attributes', { xattrs: { 'trusted.x': 'x' } }],
  ])('in the middle of %s is reported, leaves nothing, and is over when there is room', async (_, attributes) => {
    const repository = await Repository.create(join(mount, 'repo'), 'bare');
    await writeFile(join(mount, 'ballast'), Buffer.alloc(7_000_000));
    // Compressed, it seems to fit.
    const content = Buffer.alloc(2_000_000, 'zeros');
    const { image, openLayer } = testImage([bootableLayer, [{ path: 'usr/big', content, ...attributes }]]);
    await expect(importImage({ repository, image, openLayer })).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining(repository.path),
    });
    expect(await temporaries(repository)).toEqual([]);
    expect(await repository.listRefs(imageRefPrefix)).toEqual([]);
    await fsck(repository.path);

    await truncate(join(mount, 'ballast'));
    await importImage({ repository, image, openLayer });
    await fsck(repository.path);
  });

  test('is seen before anything is fetched when the layers alone do not fit', async () => {
    const repository = await Repository.create(join(mount, 'repo'), 'bare');
    const content = randomBytes(9_000_000);
    const { image, openLayer, opened } = testImage([bootableLayer, [{ path: 'usr/big', content }]]);
    await expect(importImage({ repository, image, openLayer })).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringMatching(/bytes to spare and at least \d{7} are needed/),
    });
    expect(opened).toEqual([]);
  });
});
