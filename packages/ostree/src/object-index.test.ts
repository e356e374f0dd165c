import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, digestOf } from '@varve/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checksumOf, type OstreeChecksum } from './checksum.ts';
import { ObjectIndex } from './object-index.ts';
import { Repository } from './repository.ts';

let directory: string;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-index-'));
  await mkdir(join(directory, 'tmp'));
  await writeFile(join(directory, 'config'), '[core]\nrepo_version=1\nmode=bare\n');
  repository = await Repository.open(directory);
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const plain = { uid: 0, gid: 0, mode: 0o644, xattrs: new Map<string, Uint8Array>() };

function content(word: string | number): Digest {
  return digestOf(Buffer.from(String(word)));
}

function object(word: string | number): OstreeChecksum {
  return checksumOf(Buffer.from(`object ${word}`));
}

/** Makes objects that are only there. */
async function storeObjects(...words: string[]): Promise<void> {
  for (const word of words) {
    const path = repository.objectPath(object(word), 'file');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '');
  }
}

describe('find', () => {
  test.each([
    ['owner', { ...plain, uid: 1 }],
    ['group', { ...plain, gid: 1 }],
    ['permissions', { ...plain, mode: 0o4644 }],
    ['attributes', { ...plain, xattrs: new Map([['user.a', Buffer.from('b')]]) }],
  ])('tells files apart by %s', (_, other) => {
    const index = ObjectIndex.empty(repository);
    index.add(content('x'), plain, object(1));
    expect(index.find(content('x'), other)).toBeUndefined();
    index.add(content('x'), other, object(2));
    expect(index.find(content('x'), other)).toBe(object(2));
    expect(index.find(content('x'), plain)).toBe(object(1));
    expect([...index.withContent(content('x'))]).toEqual([object(1), object(2)]);
    expect([...index.withContent(content('y'))]).toEqual([]);
  });

  test('gives content of files with unknown metadata, and never the file', () => {
    const index = ObjectIndex.empty(repository);
    index.add(content('x'), undefined, object(1));
    expect(index.find(content('x'), plain)).toBeUndefined();
    expect([...index.withContent(content('x'))]).toEqual([object(1)]);
  });

  test('takes no long time over many files with one content, and may forget some', () => {
    const index = ObjectIndex.empty(repository);
    for (let uid = 0; uid < 20_000; uid++) index.add(content('x'), { ...plain, uid }, object(uid));
    expect([...index.withContent(content('x'))].length).toBeLessThan(100);
    expect(index.find(content('x'), plain)).toBe(object(0));
  });
});

test('what was saved is found again, by any number of writers', async () => {
  const [first, second] = [ObjectIndex.empty(repository), await ObjectIndex.open(repository)];
  for (let number = 0; number < 3000; number++) first.add(content(number), plain, object(number));
  await first.save();
  second.add(content('second'), plain, object('second'));
  await second.save();
  first.add(content('later'), plain, object('later'));
  await first.save();
  const index = await ObjectIndex.open(repository);
  for (const word of [0, 1, 2999, 'second', 'later']) expect(index.find(content(word), plain)).toBe(object(word));
  expect(index.find(content(3000), plain)).toBeUndefined();
});

test('rows that never reached the disk, or only in part, are passed over and removed', async () => {
  const path = join(directory, 'extensions/varve/object-index-1');
  const index = ObjectIndex.empty(repository);
  index.add(content('torn'), plain, object('torn'));
  index.add(content('whole'), plain, object('whole'));
  await index.save();
  const saved = await readFile(path);
  const rowSize = saved.length / 2;
  saved.writeUInt8(saved.readUInt8(rowSize - 10) ^ 1, rowSize - 10);
  await writeFile(path, Buffer.concat([Buffer.alloc(rowSize * 200_000), saved]));
  await storeObjects('torn', 'whole');

  const damaged = await ObjectIndex.open(repository);
  expect(damaged.find(content('torn'), plain)).toBeUndefined();
  expect(damaged.find(content('whole'), plain)).toBe(object('whole'));
  damaged.add(content('torn'), plain, object('torn'));
  expect(damaged.find(content('torn'), plain)).toBe(object('torn'));
  await damaged.compact(repository);
  expect((await stat(path)).size).toBe(2 * rowSize);
});

test('compacting keeps the rows of objects that exist', async () => {
  const index = ObjectIndex.empty(repository);
  index.add(content('gone'), plain, object('gone'));
  index.add(content('kept'), plain, object('kept'));
  await storeObjects('kept');
  await index.compact(repository);
  const after = await ObjectIndex.open(repository);
  expect(after.find(content('kept'), plain)).toBe(object('kept'));
  expect(after.find(content('gone'), plain)).toBeUndefined();
});

test('where nothing can be written, nothing fails', async () => {
  await writeFile(join(directory, 'extensions'), 'a file');
  const index = await ObjectIndex.open(repository);
  index.add(content('x'), plain, object('x'));
  await index.save();
  expect(index.find(content('x'), plain)).toBe(object('x'));
});
