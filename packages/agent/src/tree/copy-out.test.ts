import { access, chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyOut } from './copy-out.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-copy-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

const at = (name: string) => join(directory, name);

test('a file is copied, and told of as it is', async () => {
  await writeFile(at('file'), 'content');
  await chmod(at('file'), 0o640);
  const stats = await copyOut(at('file'), at('copy'));
  expect((stats?.mode ?? 0) & 0o7777).toBe(0o640);
  expect(await readFile(at('copy'), 'utf8')).toBe('content');
});

test('what a link leads to is not', async () => {
  await writeFile(at('secret'), 'secret');
  await symlink(at('secret'), at('link'));
  await expect(copyOut(at('link'), at('copy'))).rejects.toMatchObject({ code: 'ELOOP' });
  await expect(access(at('copy'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('nor is what is no file', async () => {
  await mkdir(at('directory'));
  expect(await copyOut(at('directory'), at('copy'))).toBeUndefined();
  const server = createServer().listen(at('socket'));
  await expect(copyOut(at('socket'), at('copy'))).rejects.toMatchObject({ code: 'ENXIO' });
  server.close();
  await expect(access(at('copy'))).rejects.toMatchObject({ code: 'ENOENT' });
});
