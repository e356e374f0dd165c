import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { joinByFile } from './join-by-file.ts';
import { readJoinFile, writeJoinFile } from './join-file.ts';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'varve-join-')), 'join.json');
});
afterEach(async () => await rm(join(path, '..'), { recursive: true }));

const token = 'abcdef.0123456789abcdef';
const file = { server: 'https://varve.example:7443', token, caHash: `sha256:${'a'.repeat(64)}` };

test('what is written is read back, and is for its owner alone', async () => {
  await writeFile(path, 'an old one', { mode: 0o644 });
  const whole = { ...file, name: 'host-1', expires: '2026-01-01T00:00:00Z' };
  await writeJoinFile(path, whole);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readJoinFile(path)).toEqual({ ...whole, isOpen: false });
  await chmod(path, 0o640);
  expect(await readJoinFile(path)).toMatchObject({ isOpen: true });
});

test.each([
  ['', 'the file'],
  ['[]', 'the file'],
  [JSON.stringify({ ...file, server: 'http://varve.example' }), 'server'],
  [JSON.stringify({ ...file, token: `${token}!` }), 'token'],
  [JSON.stringify({ server: file.server }), 'token'],
  [JSON.stringify({ ...file, ca: 'x' }), 'ca'],
  [JSON.stringify({ ...file, caHash: 'sha256:0' }), 'caHash'],
  [JSON.stringify({ ...file, expires: 'soon' }), 'expires'],
  [JSON.stringify({ ...file, tokn: token }), 'the file'],
  ['x'.repeat(100_000), 'more than'],
])('%j is no join file, and the message shows nothing of it', async (text, problem) => {
  await writeFile(path, text);
  const error = await readJoinFile(path).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'JOIN_FILE_INVALID', message: expect.stringContaining(problem) });
  expect(String(error)).not.toContain(token);
});

test('a file that is not there is named', async () => {
  await expect(readJoinFile(path)).rejects.toMatchObject({
    code: 'JOIN_FILE_INVALID',
    message: expect.stringContaining(path),
  });
});

test('at a first boot an absent control plane is asked again until somebody ends that', async () => {
  // Port 9 is "discard": nothing listens there.
  await writeJoinFile(path, { server: 'https://127.0.0.1:9', token });
  const stop = new AbortController();
  const told: string[] = [];
  const onProgress = (message: string) => {
    if (!message.startsWith('cannot join yet')) return;
    told.push(message);
    if (told.length === 2) stop.abort();
  };
  const options = { path, firstBoot: true, nodeName: 'a', stateDirectory: join(path, '../state'), onProgress };
  await expect(joinByFile({ ...options, signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(told[0]).toMatch(/127\.0\.0\.1:9.*trying again in \d+ s/);
  expect(await readFile(path, 'utf8')).toContain(token);
  await expect(joinByFile({ ...options, firstBoot: false })).rejects.toMatchObject({ code: 'UNREACHABLE' });
});
