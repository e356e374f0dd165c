import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { assertDiskSpace, explainDiskFull, isDiskFullText } from './disk-space.ts';

test('assertDiskSpace names the path and the bytes', async () => {
  await assertDiskSpace(tmpdir(), 0);
  await expect(assertDiskSpace(tmpdir(), 2 ** 60)).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringMatching(
      new RegExp(`^${tmpdir()} has \\d+ bytes to spare and at least ${2 ** 60} are needed`),
    ),
  });
});

describe('explainDiskFull', () => {
  test.each(['ENOSPC', 'EDQUOT'])('turns %s into an error with path and bytes', (code) => {
    const cause = Object.assign(new Error('write failed'), { code });
    expect(explainDiskFull(cause, '/repo', 42)).toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringMatching(/\/repo is full and at least 42 more bytes/),
      cause,
    });
  });

  test('leaves other errors alone', () => {
    const error = Object.assign(new Error('denied'), { code: 'EACCES' });
    expect(explainDiskFull(error, '/repo', 42)).toBe(error);
    expect(explainDiskFull('text', '/repo', 42)).toBe('text');
  });
});

test('isDiskFullText knows the messages of ostree', () => {
  expect(isDiskFullText('error: Writing object: fallocate: No space left on device')).toBe(true);
  expect(isDiskFullText("error: min-free-space-percent '3%' would be exceeded, at least 4 kB requested")).toBe(true);
  expect(isDiskFullText('error: No such file')).toBe(false);
});
