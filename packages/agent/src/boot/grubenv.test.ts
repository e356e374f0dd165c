import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { markBootGood, withTriedAsGood } from './grubenv.ts';

function block(text: string, size = 4096): Buffer {
  return Buffer.from(`# GRUB Environment Block\n${text}`.padEnd(size, '#'));
}

test.each([
  ['try_id=b,root=LABEL=root rw \ntries=1\ngood=a\n', 'good=b,root=LABEL=root rw \n'],
  ['saved_entry=0\ntry_id=b\nmenu_auto_hide=1\n', 'saved_entry=0\nmenu_auto_hide=1\ngood=b\n'],
])('%j becomes %j', (before, after) => {
  expect(withTriedAsGood(block(before))?.toString()).toBe(block(after).toString());
});

test.each([
  ['nothing was tried', block('good=a\n')],
  ['an empty try', block('try_id=\n')],
  ['no environment block', Buffer.from('try_id=b\n')],
  ['an empty file', Buffer.alloc(0)],
])('%s: left alone', (_name, bytes) => {
  expect(withTriedAsGood(bytes)).toBeUndefined();
});

test('the file is overwritten in place', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-grubenv-'));
  try {
    const path = join(directory, 'grubenv');
    expect(await markBootGood(path)).toBe(false);
    await writeFile(path, block('good=a\ntry_id=b\ntries=1\n', 1024));
    const { ino } = await stat(path);
    expect(await markBootGood(path)).toBe(true);
    expect(await markBootGood(path)).toBe(false);
    const after = await stat(path);
    expect([after.ino, after.size]).toEqual([ino, 1024]);
    expect((await readFile(path, 'utf8')).split('#####')[0]).toBe('# GRUB Environment Block\ngood=b\n');
  } finally {
    await rm(directory, { recursive: true });
  }
});
