import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DigestCache } from './digest-cache.ts';

const later = Date.now() + 60_000;

test('a hash is known until the inode changes, even when the times of the file are set back', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-cache-'));
  const path = join(directory, 'file');
  await writeFile(path, 'a');
  const before = await stat(path);
  const cache = new DigestCache();
  cache.set('/etc/file', before, 'hash', later);
  expect(cache.get('/etc/file', await stat(path))).toBe('hash');
  expect(cache.get('/etc/other', before)).toBeUndefined();
  await writeFile(path, 'b');
  await utimes(path, before.atime, before.mtime);
  expect(cache.get('/etc/file', await stat(path))).toBeUndefined();
  await rm(directory, { recursive: true });
});

test('a file that was only just written is read again', async () => {
  const stats = await stat(import.meta.filename);
  const cache = new DigestCache();
  cache.set('/etc/file', stats, 'hash', later);
  cache.set('/etc/file', stats, 'hash', stats.ctimeMs + 1);
  expect(cache.get('/etc/file', stats)).toBeUndefined();
});
