import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeStaleTemporaries, removeTemporary, temporaryPath } from './temporary.ts';

/** Larger than any that Linux gives. */
const deadPid = 2 ** 22 + 1;

let repository: string;

beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), 'varve-temporary-'));
  await mkdir(join(repository, 'tmp'));
});

afterEach(() => rm(repository, { recursive: true }));

async function left(): Promise<string[]> {
  return (await readdir(join(repository, 'tmp'))).sort();
}

test('what a dead process left is removed, what a living one makes and what others made stays', async () => {
  const names = [`varve-${process.ppid}-a`, `varve-${deadPid}-b`, 'cache', 'varve-x'];
  for (const name of names) await mkdir(join(repository, 'tmp', name, 'deep'), { recursive: true });
  await removeStaleTemporaries(repository);
  expect(await left()).toEqual(['cache', 'varve-x', `varve-${process.ppid}-a`].sort());
});

test('what is in use stays, and what this process could not remove goes', async () => {
  const [used, given] = [temporaryPath(repository), temporaryPath(repository)];
  await writeFile(used, '');
  await removeTemporary(given);
  await writeFile(given, '');
  // As another process with this one's number left it.
  await writeFile(join(repository, 'tmp', `varve-${process.pid}-old`), '');
  await removeStaleTemporaries(repository);
  expect(await left()).toEqual([basename(used)]);
  await removeTemporary(used);
  expect(await left()).toEqual([]);
});
