import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { readState, removeTemporaries, writeDurable, writeState } from './durable-file.ts';
import { lockSysroot } from './lock.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-state-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

const schema = z.object({ a: z.number() });

test('state reads back, is private, and leaves nothing beside it', async () => {
  const path = join(directory, 'deep/state.json');
  expect(await readState(path, schema)).toBeUndefined();
  await writeState(path, { a: 1 });
  await writeState(path, { a: 2 });
  expect(await readState(path, schema)).toEqual({ a: 2 });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(directory, 'deep'))).toEqual(['state.json']);
});

test.each(['', '{"a":', '{"a":"1"}', 'null'])('%j is no state', async (text) => {
  const path = join(directory, 'state.json');
  await writeFile(path, text);
  await expect(readState(path, schema)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
});

test('only what a killed write left behind is cleared away', async () => {
  await writeDurable(join(directory, 'kept'), 'x');
  await writeFile(join(directory, '.kept.0b4ff9b4-6a0c-4a0e-8d2a-2f4f6a5f2c11'), 'half');
  await writeFile(join(directory, '.hidden'), 'x');
  await removeTemporaries(directory);
  expect((await readdir(directory)).sort()).toEqual(['.hidden', 'kept']);
});

test('a lock is held once and free after its holder', () => {
  const path = join(directory, 'agent.lock');
  {
    using _lock = lockSysroot(path);
    expect(() => lockSysroot(path)).toThrow(expect.objectContaining({ code: 'AGENT_RUNNING' }));
  }
  using _again = lockSysroot(path);
});
