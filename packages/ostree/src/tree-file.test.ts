import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readFileInTree, removeInTree, writeFileInTree, writeSymlinkInTree } from './tree-file.ts';

const own = { mode: 0o640, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const content = Buffer.from('new');
const unsafe = { code: 'TREE_PATH_UNSAFE' };

let directory: string;
let root: string;
let outside: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-tree-'));
  root = join(directory, 'root');
  outside = join(directory, 'outside');
  await mkdir(join(root, 'etc'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'old');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('writeFileInTree', () => {
  test('writes content and mode, and the directories on the way, whatever the umask is', async () => {
    const umask = process.umask(0o077);
    try {
      await writeFileInTree(root, '/etc/a/b/file', content, { ...own, mode: 0o4755 });
    } finally {
      process.umask(umask);
    }
    expect(await readFile(join(root, 'etc/a/b/file'), 'utf8')).toBe('new');
    expect((await lstat(join(root, 'etc/a/b/file'))).mode & 0o7777).toBe(0o4755);
    expect((await lstat(join(root, 'etc/a/b'))).mode & 0o7777).toBe(0o755);
    expect(await readdir(join(root, 'etc/a/b'))).toEqual(['file']);
  });

  test('leaves the mode of directories that are there', async () => {
    await chmod(join(root, 'etc'), 0o700);
    await writeFileInTree(root, 'etc/file', content, own);
    expect((await lstat(join(root, 'etc'))).mode & 0o7777).toBe(0o700);
  });

  test('replaces a link at the path itself, and not what it leads to', async () => {
    await symlink(join(outside, 'file'), join(root, 'etc/file'));
    await writeFileInTree(root, 'etc/file', content, own);
    expect(await readFile(join(root, 'etc/file'), 'utf8')).toBe('new');
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('old');
  });

  test.each([
    ['through a link', 'etc/out/file'],
    ['through a link to a directory of the tree', 'etc/in/file'],
    ['below a file', 'etc/plain/file'],
    ['with ..', 'etc/../../outside/file'],
    ['that is the root', '/'],
    ['that is empty', ''],
    ['with NUL', 'etc/a\0b'],
  ])('refuses a path %s', async (_, path) => {
    await symlink(outside, join(root, 'etc/out'));
    await symlink('.', join(root, 'etc/in'));
    await writeFile(join(root, 'etc/plain'), '');
    await expect(writeFileInTree(root, path, content, own)).rejects.toMatchObject(unsafe);
    expect(await readdir(outside)).toEqual(['file']);
  });

  test('leaves nothing behind when it fails', async () => {
    await mkdir(join(root, 'etc/taken'));
    await expect(writeFileInTree(root, 'etc/taken', content, own)).rejects.toThrow();
    expect(await readdir(join(root, 'etc'))).toEqual(['taken']);
  });
});

test('writeSymlinkInTree makes a link and replaces one', async () => {
  await writeSymlinkInTree(root, 'etc/wants/unit', '../unit');
  await writeSymlinkInTree(root, 'etc/wants/unit', '/usr/unit');
  expect(await readlink(join(root, 'etc/wants/unit'))).toBe('/usr/unit');
});

describe('readFileInTree', () => {
  test('reads a file, and knows when there is none', async () => {
    await writeFile(join(root, 'etc/file'), 'x');
    expect(await readFileInTree(root, 'etc/file')).toEqual(Buffer.from('x'));
    expect(await readFileInTree(root, 'etc/none')).toBeUndefined();
    expect(await readFileInTree(root, 'etc/none/below')).toBeUndefined();
  });

  test.each(['etc/out/file', 'etc/link', 'etc'])('refuses %s', async (path) => {
    await symlink(outside, join(root, 'etc/out'));
    await symlink(join(outside, 'file'), join(root, 'etc/link'));
    await expect(readFileInTree(root, path)).rejects.toMatchObject(unsafe);
  });
});

describe('removeInTree', () => {
  test('removes a link and not what it leads to', async () => {
    await symlink(join(outside, 'file'), join(root, 'etc/link'));
    expect(await removeInTree(root, 'etc/link')).toBe(true);
    expect(await removeInTree(root, 'etc/link')).toBe(false);
    expect(await readdir(outside)).toEqual(['file']);
  });

  test('refuses a directory and a way through a link', async () => {
    await symlink(outside, join(root, 'etc/out'));
    await expect(removeInTree(root, 'etc')).rejects.toMatchObject(unsafe);
    await expect(removeInTree(root, 'etc/out/file')).rejects.toMatchObject(unsafe);
  });
});
