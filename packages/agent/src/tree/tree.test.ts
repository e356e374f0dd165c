import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Tree } from './tree.ts';

let base: string;
let outside: string;
let tree: Tree;
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'varve-tree-'));
  outside = join(base, 'outside');
  await mkdir(join(base, 'root/etc'), { recursive: true });
  await mkdir(outside);
  tree = new Tree(join(base, 'root'));
});
afterEach(async () => await rm(base, { recursive: true }));

describe('links', () => {
  test.each(['absolute', 'relative'])('an %s link out of the tree is never followed', async (kind) => {
    await symlink(kind === 'absolute' ? outside : '../../outside', join(tree.root, 'etc/out'));
    const refused = expect.objectContaining({ code: 'TREE_PATH_UNSAFE' });
    await expect(tree.writeFile('/etc/out/f', Buffer.from('x'), { mode: 0o644, ...owner })).rejects.toEqual(refused);
    await expect(tree.writeLink('/etc/out/l', 'x', owner)).rejects.toEqual(refused);
    await expect(tree.writeDirectory('/etc/out/d', { mode: 0o755, ...owner })).rejects.toEqual(refused);
    await expect(tree.writeDirectory('/etc/out', { mode: 0o700, ...owner })).rejects.toEqual(refused);
    await expect(tree.remove('/etc/out/f')).rejects.toEqual(refused);
    await expect(tree.lstat('/etc/out/f')).rejects.toEqual(refused);
    expect(await readdir(outside)).toEqual([]);
  });

  test('a link in the place of a file is replaced, not written through', async () => {
    await writeFile(join(outside, 'target'), 'safe');
    await symlink(join(outside, 'target'), join(tree.root, 'etc/f'));
    await tree.writeFile('/etc/f', Buffer.from('new'), { mode: 0o600, ...owner });
    expect(await readFile(join(outside, 'target'), 'utf8')).toBe('safe');
    expect(await readFile(join(tree.root, 'etc/f'), 'utf8')).toBe('new');
  });
});

test.each(['/', '', '/..', '/etc/../../x', '..'])('%j names nothing in a tree', async (path) => {
  await expect(tree.lstat(path)).rejects.toMatchObject({ code: 'TREE_PATH_UNSAFE' });
});

test('a directory is not replaced by a file', async () => {
  await mkdir(join(tree.root, 'etc/d'));
  await expect(tree.writeFile('/etc/d', Buffer.from(''), { mode: 0o644, ...owner })).rejects.toMatchObject({
    code: 'TREE_PATH_UNSAFE',
  });
});

test('parents are made with mode 755', async () => {
  await tree.writeFile('/etc/a/b/c', Buffer.from('x'), { mode: 0o640, ...owner });
  for (const [path, mode] of [
    ['etc/a', 0o755],
    ['etc/a/b', 0o755],
    ['etc/a/b/c', 0o640],
  ] as const) {
    expect((await stat(join(tree.root, path))).mode & 0o7777).toBe(mode);
  }
  expect(await readdir(join(tree.root, 'etc/a/b'))).toEqual(['c']);
});

test('a full directory stays, an empty one and a missing entry are gone', async () => {
  await tree.writeFile('/etc/d/f', Buffer.from(''), { mode: 0o644, ...owner });
  expect(await tree.remove('/etc/d')).toBe(false);
  expect(await tree.remove('/etc/d/f')).toBe(true);
  expect(await tree.remove('/etc/d')).toBe(true);
  expect(await tree.remove('/etc/d/f')).toBe(true);
});

describe('directories that the image links into /var', () => {
  test('lead to where /var lies', async () => {
    await mkdir(join(base, 'var/usrlocal'), { recursive: true });
    await mkdir(join(tree.root, 'usr'));
    await symlink('../var/usrlocal', join(tree.root, 'usr/local'));
    await symlink('/var/opt', join(tree.root, 'opt'));
    const deployment = new Tree(tree.root, join(base, 'var'));
    for (const path of ['/usr/local/bin/a', '/opt/b', '/var/lib/c']) {
      await deployment.writeFile(path, Buffer.from(path), { mode: 0o644, ...owner });
      expect((await deployment.readFile(path))?.toString()).toBe(path);
      expect((await deployment.lstat(path))?.size).toBe(path.length);
    }
    expect((await readdir(join(base, 'var'))).sort()).toEqual(['lib', 'opt', 'usrlocal']);
  });

  test('are not followed anywhere else, nor used when the image has them itself', async () => {
    await symlink(outside, join(tree.root, 'opt'));
    await mkdir(join(tree.root, 'usr/local'), { recursive: true });
    await symlink('../../outside', join(tree.root, 'home'));
    for (const path of ['/opt/a', '/usr/local/a', '/home/a']) {
      await expect(tree.writeFile(path, Buffer.from(''), { mode: 0o644, ...owner })).rejects.toMatchObject({
        code: 'TREE_PATH_UNSAFE',
      });
    }
    expect(await readdir(outside)).toEqual([]);
  });
});
