import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AppliedOutline } from '../content/entry.ts';
import { Tree } from '../tree/tree.ts';
import { glance } from './glance.ts';

let root: string;
beforeEach(async () => {
  contents = { '/etc/app/a': '', '/etc/app/b': '' };
  root = await mkdtemp(join(tmpdir(), 'varve-glance-'));
  await mkdir(join(root, 'etc/app'), { recursive: true });
  for (const name of ['a', 'b']) await writeFile(join(root, 'etc/app', name), '', { mode: 0o644 });
});
afterEach(async () => await rm(root, { recursive: true }));

// Nobody here has these owners: a glance does not look at them.
const file = (path: string) => ({ kind: 'file' as const, path, mode: 0o644, uid: 1, gid: 1, size: 0 });
const applied: Pick<AppliedOutline, 'entries'> = { entries: [file('/etc/app/a'), file('/etc/app/b')] };
let contents: Record<string, string>;

async function kindsAt(...paths: string[]): Promise<string[]> {
  const contentOf = (path: string) => (path in contents ? Buffer.from(contents[path] ?? '') : undefined);
  const drift = await glance(new Tree(root), applied, new Set(paths), contentOf);
  return drift.map(({ path, kind }) => `${kind} ${path}`);
}

test('only what the event was about is looked at', async () => {
  await writeFile(join(root, 'etc/app/a'), 'drifted');
  await chmod(join(root, 'etc/app/b'), 0o600);
  expect(await kindsAt('/etc/app/a')).toEqual(['Content /etc/app/a']);
  expect(await kindsAt('/etc/app/b')).toEqual(['Mode /etc/app/b']);
  expect(await kindsAt('/etc/app/c', '/etc/ap')).toEqual([]);
});

test('a directory stands for all below it', async () => {
  await rm(join(root, 'etc/app/a'));
  await rm(join(root, 'etc/app/b'));
  await symlink('a', join(root, 'etc/app/b'));
  expect(await kindsAt('/etc')).toEqual(['Missing /etc/app/a', 'Type /etc/app/b']);
});

test('what is as it was applied is not told', async () => {
  expect(await kindsAt('/etc/app')).toEqual([]);
});

test('bytes are compared with what the config says, and where that is not known with nothing', async () => {
  await writeFile(join(root, 'etc/app/a'), 'same');
  contents = { '/etc/app/a': 'same' };
  await writeFile(join(root, 'etc/app/b'), 'of the remote source');
  expect(await kindsAt('/etc/app')).toEqual([]);
  contents = { '/etc/app/a': 'SAME' };
  expect(await kindsAt('/etc/app')).toEqual(['Content /etc/app/a']);
});
