import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeCache, removeState } from './remove.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-remove-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

it("keeps a user's files", async () => {
  for (const name of ['server', 'hosts', 'base', 'letters']) await mkdir(join(directory, name));
  await writeFile(join(directory, 'letters', 'one'), 'dear');
  await removeState(directory);
  expect((await readdir(directory)).sort()).toEqual(['base', 'letters']);
  await removeCache(directory);
  expect(await readdir(directory)).toEqual(['letters']);
});

it('removes the directory when nothing else was in it', async () => {
  for (const name of ['server', 'hosts', 'logs']) await mkdir(join(directory, name));
  await removeState(directory);
  expect(existsSync(directory)).toBe(false);
  await removeState(directory);
});
