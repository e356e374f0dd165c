import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { lockDirectory } from './lock.ts';

const root = mkdtempSync(join(tmpdir(), 'varve-lock-'));
afterAll(() => rmSync(root, { recursive: true }));

test('one quickstart has a directory until it is done with it', () => {
  const directory = join(root, 'a');
  {
    using _held = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(/another quickstart uses/);
  }
  using _again = lockDirectory(directory);
});

test('a lock that cannot be had for another reason says which', () => {
  writeFileSync(
    join(root, 'b.lock'),
    'this is no lock of ours, and longer than a header of SQLite has to be '.repeat(4),
  );
  expect(() => lockDirectory(join(root, 'b'))).toThrow(/not a database/);
  mkdirSync(join(root, 'c.lock'));
  expect(() => lockDirectory(join(root, 'c'))).toThrow(/unable to open/);
});
