import { expect, test } from 'vitest';
import { parseDatabase } from './owner.ts';

test('names and ids of passwd and group lines; what is no such line is passed over', () => {
  const text = 'root:x:0:0:root:/root:/bin/sh\n\n# comment\nwww:x:33:\nbad:x:nine:\n+nis\n';
  expect(parseDatabase(text)).toEqual([
    ['root', 0],
    ['www', 33],
  ]);
});
