// Repositories that the real `ostree` wrote, in each of its modes.
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseChecksum } from './checksum.ts';
import { Repository, type RepositoryMode } from './repository.ts';
import { ostree } from './testing/sysroot.ts';
import { nodeAt, readTree } from './tree.ts';

let directory: string;
const large = Buffer.alloc(300_000, 'large and compressible');

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-stored-'));
  const root = join(directory, 'root');
  await mkdir(root);
  await writeFile(join(root, 'large'), large);
  await writeFile(join(root, 'small'), 'small');
  await writeFile(join(root, 'empty'), '');
  await chmod(join(root, 'small'), 0o4750);
  await spawn('setfattr', ['-n', 'user.a', '-v', 'b', join(root, 'small')]);
  await symlink('small', join(root, 'link'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function commitIn(mode: RepositoryMode) {
  const repository = await Repository.create(join(directory, mode), mode);
  const commit = await ostree(
    'commit',
    `--repo=${repository.path}`,
    '--orphan',
    `--tree=dir=${join(directory, 'root')}`,
  );
  const tree = readTree(repository, parseChecksum(commit));
  const open = (path: string) => {
    const node = nodeAt(tree, path);
    if (node?.type !== 'file') throw new Error(`no file ${path}`);
    return repository.openFile(node.checksum);
  };
  return { repository, tree, open };
}

test.each<RepositoryMode>(['bare', 'bare-user', 'archive'])('files of mode %s', async (mode) => {
  const { open } = await commitIn(mode);
  for (const [path, content] of [
    ['large', large],
    ['small', Buffer.from('small')],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    const file = open(path);
    expect(file.size).toBe(content.length);
    expect(Buffer.concat(await Array.fromAsync(file.read())).equals(content)).toBe(true);
  }
  if (mode === 'bare-user')
    expect(Buffer.concat(await Array.fromAsync(open('link').read())).toString()).toBe('small\0');
  else expect(open('link')).toMatchObject({ linkTarget: 'small', size: 0 });
});

test('mode archive tells metadata', async () => {
  const { open } = await commitIn('archive');
  const { metadata } = open('small');
  expect(metadata).toEqual({ uid: 0, gid: 0, mode: 0o4750, xattrs: new Map([['user.a', Buffer.from('b')]]) });
});

test('damaged objects of mode archive are told', async () => {
  const { repository, tree, open } = await commitIn('archive');
  const node = nodeAt(tree, 'large');
  if (node?.type !== 'file') throw new Error('no file');
  const path = repository.objectPath(node.checksum, 'file');
  await truncate(path, 100);
  await expect(Array.fromAsync(open('large').read())).rejects.toMatchObject({ code: 'REPOSITORY_DAMAGED' });
  await truncate(path, 10);
  expect(() => open('large')).toThrow(expect.objectContaining({ code: 'OSTREE_OBJECT_INVALID' }));
  await rm(path);
  expect(() => open('large')).toThrow(expect.objectContaining({ code: 'REPOSITORY_DAMAGED' }));
});
