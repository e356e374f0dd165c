import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileBeside, writeLinkBeside } from './beside.ts';
import { Tree } from './tree.ts';

let base: string;
let tree: Tree;
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'varve-beside-'));
  await mkdir(join(base, 'root/var/app'), { recursive: true });
  tree = new Tree(join(base, 'root'));
});
afterEach(async () => await rm(base, { recursive: true }));

test('a file lies beside its path with its mode', async () => {
  await writeFileBeside(tree, '/var/app/conf', '.new', Buffer.from('new'), { mode: 0o640, ...owner });
  const path = join(tree.root, 'var/app/.new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o7777).toBe(0o640);
});

test('what the owner of the directory has put there is not written through', async () => {
  const outside = join(base, 'shadow');
  await writeFile(outside, 'root', { mode: 0o600 });
  await symlink(outside, join(tree.root, 'var/app/.new'));
  const attributes = { mode: 0o666, ...owner };
  const refused = { code: 'EEXIST' };
  await expect(writeFileBeside(tree, '/var/app/conf', '.new', Buffer.from('x'), attributes)).rejects.toMatchObject(
    refused,
  );
  await expect(writeLinkBeside(tree, '/var/app/conf', '.new', 'target', owner)).rejects.toMatchObject(refused);
  expect(await readFile(outside, 'utf8')).toBe('root');
  expect((await stat(outside)).mode & 0o777).toBe(0o600);
});
