// The reader against archives of the tools that write them, and against what the file system says.

import { createReadStream, type Stats } from 'node:fs';
import { chmod, link, lstat, mkdir, mkdtemp, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { TarEntry } from './entry.ts';
import { readTar } from './read.ts';

let directory: string;
let tree: string;
const longName = 'long-'.repeat(40);
const deepPath = Array.from({ length: 12 }, (_, index) => `directory-number-${index}`).join('/');
const attribute = Buffer.from([1, 0, 0, 2, 0x0a, 0x3d, 0xff, 0]);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-tar-'));
  tree = join(directory, 'tree');
  await mkdir(join(tree, deepPath), { recursive: true });
  await writeFile(join(tree, 'empty'), '');
  await writeFile(join(tree, 'setuid'), 'x'.repeat(1000));
  await chmod(join(tree, 'setuid'), 0o4755);
  await writeFile(join(tree, longName), 'long name');
  await writeFile(join(tree, deepPath, 'grüße'), 'deep');
  await link(join(tree, longName), join(tree, 'hardlink'));
  await symlink(`../${deepPath}`, join(tree, 'symlink'));
  await symlink('empty', join(tree, 'short'));
  await writeFile(join(tree, 'attribute'), 'a');
  await spawn('setfattr', ['-n', 'trusted.varve', '-v', `0x${attribute.toString('hex')}`, join(tree, 'attribute')]);
  await spawn('mkfifo', [join(tree, 'fifo')]);
  await spawn('mknod', [join(tree, 'null'), 'c', '1', '3']);
  await spawn('chown', ['3000000:3000001', join(tree, 'setuid'), join(tree, 'empty')]);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

interface ReadEntry extends Omit<TarEntry, 'content'> {
  digest: string;
}

async function readArchive(path: string): Promise<Map<string, ReadEntry>> {
  const entries = new Map<string, ReadEntry>();
  for await (const { content, ...entry } of readTar(createReadStream(path))) {
    entries.set(entry.path.replace(/^\.\//, '').replace(/\/$/, ''), {
      ...entry,
      digest: digestOf(Buffer.concat(await Array.fromAsync(content))),
    });
  }
  return entries;
}

function typeOf(stats: Stats): TarEntry['type'] {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  return stats.isCharacterDevice() ? 'character' : 'file';
}

/** Compares every entry with the tree that was archived. */
async function expectTree(entries: Map<string, ReadEntry>, whole: boolean): Promise<void> {
  for (const [path, entry] of entries) {
    const full = join(tree, path);
    const stats = await lstat(full);
    expect([path, entry.uid, entry.gid, Math.floor(entry.mtime)]).toEqual([
      path,
      stats.uid,
      stats.gid,
      Math.floor(stats.mtimeMs / 1000),
    ]);
    if (entry.type !== 'symlink') expect([path, entry.mode]).toEqual([path, stats.mode & 0o7777]);
    if (entry.type === 'symlink') expect(entry.linkTarget).toBe(await readlink(full));
    if (entry.type === 'hardlink') {
      expect((await lstat(join(tree, (entry.linkTarget ?? '').replace(/^\.\//, '')))).ino).toBe(stats.ino);
    }
    expect([path, typeOf(stats)]).toEqual([path, entry.type === 'hardlink' ? 'file' : entry.type]);
  }
  if (!whole) return;
  const { stdout } = await spawn('find', [tree, '-printf', '%P\n']);
  expect([...entries.keys()].map((path) => (path === '.' ? '' : path)).sort()).toEqual(stdout.split('\n').sort());
}

describe('GNU tar', () => {
  test.each([['pax'], ['posix'], ['gnu'], ['oldgnu']])('--format=%s', async (format) => {
    const path = join(directory, `${format}.tar`);
    await spawn('tar', [`--format=${format}`, '-C', tree, '-cf', path, '.']);
    await expectTree(await readArchive(path), true);
  });

  test.each([['ustar'], ['v7']])('--format=%s, as far as that can say it', async (format) => {
    const path = join(directory, `${format}.tar`);
    const names = format === 'ustar' ? ['attribute', 'fifo', 'null', deepPath] : ['attribute', 'short'];
    await spawn('tar', [`--format=${format}`, '-C', tree, '-cf', path, ...names]);
    await expectTree(await readArchive(path), false);
  });

  test('--xattrs keeps binary attributes', async () => {
    const path = join(directory, 'xattrs.tar');
    await spawn('tar', ['--format=pax', '--xattrs', '--xattrs-include=*', '-C', tree, '-cf', path, '.']);
    const entries = await readArchive(path);
    expect(Buffer.from(entries.get('attribute')?.xattrs.get('trusted.varve') ?? []).equals(attribute)).toBe(true);
    expect(entries.get('empty')?.xattrs.size).toBe(0);
  });

  test.each([['gnu'], ['pax']])('--sparse --format=%s is refused with advice', async (format) => {
    const sparse = join(directory, 'sparse');
    await writeFile(sparse, 'x');
    await truncate(sparse, 10_000_000);
    const path = join(directory, 'sparse.tar');
    await spawn('tar', ['--sparse', `--format=${format}`, '-C', directory, '-cf', path, 'sparse']);
    await expect(readArchive(path)).rejects.toMatchObject({
      code: 'LAYER_UNSUPPORTED',
      message: expect.stringContaining('--sparse'),
    });
  });
});

test.each([['USTAR_FORMAT'], ['GNU_FORMAT'], ['PAX_FORMAT']])("Python's tarfile, %s", async (format) => {
  const path = join(directory, `python-${format}.tar`);
  const names = format === 'USTAR_FORMAT' ? ['attribute', 'fifo', 'short', 'null'] : ['.'];
  const program =
    'import sys, tarfile, os\nos.chdir(sys.argv[1])\nt = tarfile.open(sys.argv[2], "w", format=getattr(tarfile, sys.argv[3]))\nfor n in sys.argv[4:]: t.add(n)\nt.close()';
  await spawn('python3', ['-c', program, tree, path, format, ...names]);
  await expectTree(await readArchive(path), format !== 'USTAR_FORMAT');
});
