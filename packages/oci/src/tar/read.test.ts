import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fuzzRuns } from '../testing/fuzz.ts';
import type { TarEntry } from './entry.ts';
import { readTar } from './read.ts';
import { archive, entry, inChunks, pax } from './test-archive.ts';

interface ReadEntry extends Omit<TarEntry, 'content'> {
  content: string;
}

async function readAll(bytes: Uint8Array, chunkSize?: number): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const { content, ...rest } of readTar(inChunks(bytes, chunkSize))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(Buffer.from(chunk));
    entries.push({ ...rest, content: Buffer.concat(chunks).toString('latin1') });
  }
  return entries;
}

describe('readTar reads', () => {
  test('all types', async () => {
    const bytes = archive(
      entry({ path: './', type: '5', mode: '0041755\0' }),
      entry({
        path: './a',
        mode: '0004755\0',
        uid: '0001750\0',
        gid: '0000012\0',
        mtime: '14000000000\0',
        content: 'hello',
      }),
      entry({ path: './b', type: '2', link: 'a/../b' }),
      entry({ path: './c', type: '1', link: './a' }),
      entry({ path: './d', type: '3' }),
      entry({ path: './e', type: '4' }),
      entry({ path: './f', type: '6' }),
      entry({ path: './g', type: '7', content: 'contiguous' }),
      entry({ path: './old/', type: '\0' }),
      entry({ path: './old/file', type: '\0', magic: '', content: '' }),
    );
    const read = await readAll(bytes);
    expect(read.map(({ path, type, linkTarget, content }) => [path, type, linkTarget ?? content])).toEqual([
      ['./', 'directory', ''],
      ['./a', 'file', 'hello'],
      ['./b', 'symlink', 'a/../b'],
      ['./c', 'hardlink', './a'],
      ['./d', 'character', ''],
      ['./e', 'block', ''],
      ['./f', 'fifo', ''],
      ['./g', 'file', 'contiguous'],
      ['./old/', 'directory', ''],
      ['./old/file', 'file', ''],
    ]);
    expect(read[0]?.mode).toBe(0o1755);
    expect(read[1]).toMatchObject({ mode: 0o4755, uid: 1000, gid: 10, size: 5, mtime: 0o14000000000 });
  });

  test('long names: prefix, GNU, pax; the prefix of GNU headers is not one', async () => {
    const long = `${'d/'.repeat(200)}end`;
    const read = await readAll(
      archive(
        entry({ path: 'name', prefix: 'pre/fix' }),
        entry({ path: 'name', magic: 'ustar  \0', prefix: '00000000000' }),
        Buffer.concat([entry({ type: 'L', path: '././@LongLink', content: `${long}\0` }), entry({ path: 'cut' })]),
        Buffer.concat([
          entry({ type: 'K', path: '././@LongLink', content: `${long}\0` }),
          entry({ path: 's', type: '2', link: 'cut' }),
        ]),
        Buffer.concat([pax({ path: long, linkpath: `x${long}` }), entry({ path: 'cut', type: '2' })]),
      ),
    );
    expect(read.map(({ path }) => path)).toEqual(['pre/fix/name', 'name', long, 's', long]);
    expect(read.map(({ linkTarget }) => linkTarget)).toEqual([undefined, undefined, undefined, long, `x${long}`]);
  });

  test('pax numbers, and binary extended attributes, for one entry only', async () => {
    const value = Buffer.from([1, 0, 0, 2, 0x3d, 0x0a, 0xff]);
    const records = {
      uid: '3000000',
      gid: '4294967294',
      mtime: '1700000000.25',
      'SCHILY.xattr.security.capability': value,
      'SCHILY.xattr.user.empty': '',
    };
    const [first, second] = await readAll(archive(pax(records), entry({}), entry({ path: 'next' })));
    expect(first).toMatchObject({ uid: 3_000_000, gid: 4_294_967_294, mtime: 1_700_000_000.25 });
    expect(first?.xattrs.get('security.capability')).toEqual(new Uint8Array(value));
    expect(first?.xattrs.get('user.empty')).toEqual(new Uint8Array());
    expect(second).toMatchObject({ uid: 0, xattrs: new Map() });
  });

  test('pax sizes in the place of the header', async () => {
    const [first, second] = await readAll(
      archive(pax({ size: '5' }), entry({ size: '00000000000\0', content: 'hello' }), entry({ path: 'b' })),
    );
    expect(first).toMatchObject({ size: 5, content: 'hello' });
    expect(second?.path).toBe('b');
  });

  test('files of more than 8 GiB, and what comes after them', async () => {
    const size = 9 * 1024 ** 3;
    const base256 = Buffer.alloc(12);
    base256[0] = 0x80;
    base256.writeBigUInt64BE(BigInt(size), 4);
    const piece = Buffer.alloc(4 * 1024 ** 2);
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const head of [entry({ path: 'a', size: base256 }), Buffer.concat([pax({ size: `${size}` }), entry({})])]) {
        yield head;
        for (let given = 0; given < size; given += piece.length) yield piece;
      }
      yield archive(entry({ path: 'last' }));
    }
    const sizes: number[] = [];
    for await (const { content, size: told } of readTar(source())) {
      let length = 0;
      for await (const chunk of content) length += chunk.length;
      expect(length).toBe(told);
      sizes.push(length);
    }
    expect(sizes).toEqual([size, size, 0]);
  });

  test('base-256 numbers', async () => {
    const uid = Buffer.from([0x80, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0]);
    expect(await readAll(archive(entry({ uid })))).toMatchObject([{ uid: 3_000_000 }]);
  });

  test('archives without an end, and with a tail', async () => {
    expect(await readAll(entry({ content: 'x' }))).toHaveLength(1);
    expect(await readAll(new Uint8Array())).toEqual([]);
    expect(await readAll(Buffer.concat([archive(entry({})), Buffer.alloc(10_240), Buffer.from('tail')]))).toHaveLength(
      1,
    );
  });

  test('a harmless global header', async () => {
    expect(await readAll(archive(pax({ comment: 'made by git archive' }, 'g'), entry({})))).toHaveLength(1);
  });

  test('paths as they are: judging them is the job of who extracts', async () => {
    expect(await readAll(archive(entry({ path: '../../etc/passwd' }), entry({ path: '/abs' })))).toMatchObject([
      { path: '../../etc/passwd' },
      { path: '/abs' },
    ]);
  });
});

describe('readTar refuses', () => {
  const size = (text: string): Buffer => archive(entry({ size: text, content: 'x' }));
  test.each([
    ['a wrong checksum', archive(entry({ checksum: '000001\0 ' })), 'LAYER_INVALID'],
    ['text', Buffer.alloc(2048, 'no archive '), 'LAYER_INVALID'],
    ['a cut header', archive(entry({})).subarray(0, 300), 'LAYER_INVALID'],
    ['a cut content', entry({ content: 'x'.repeat(600) }).subarray(0, 700), 'LAYER_INVALID'],
    ['a cut padding', entry({ content: 'x' }).subarray(0, 600), 'LAYER_INVALID'],
    ['a pax header and nothing behind', pax({ path: 'x' }), 'LAYER_INVALID'],
    ['a pax header before the end', archive(pax({ path: 'x' })), 'LAYER_INVALID'],
    ['zeros among entries', Buffer.concat([entry({}), Buffer.alloc(512), entry({})]), 'LAYER_INVALID'],
    ['an empty path', archive(entry({ path: '' })), 'LAYER_INVALID'],
    ['an empty link target', archive(entry({ type: '2', link: '' })), 'LAYER_INVALID'],
    ['NUL in a pax path', archive(pax({ path: 'a\0b' }), entry({})), 'LAYER_INVALID'],
    ['a path that is not UTF-8', archive(entry({ path: Buffer.from([0x61, 0xff]) })), 'LAYER_INVALID'],
    ['a size that is no number', size('0000000009x\0'), 'LAYER_INVALID'],
    ['a negative size', archive(entry({ size: Buffer.alloc(12, 0xff) })), 'LAYER_INVALID'],
    [
      'a size beyond 2^53',
      archive(entry({ size: Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0x7f)]) })),
      'LAYER_INVALID',
    ],
    ['a huge size', size('77777777777\0'), 'LAYER_INVALID'],
    ['a negative extended header', archive(entry({ type: 'x', size: Buffer.alloc(12, 0xff) })), 'LAYER_INVALID'],
    ['an extended header of 8 GiB', archive(entry({ type: 'x', size: '77777777777\0' })), 'LAYER_INVALID'],
    ['a long name of 8 GiB', archive(entry({ type: 'L', size: '77777777777\0' })), 'LAYER_INVALID'],
    ['a damaged pax length', archive(entry({ type: 'x', content: '99 path=x\n' }), entry({})), 'LAYER_INVALID'],
    ['a pax record of length 0', archive(entry({ type: 'x', content: '0 path=x\n' }), entry({})), 'LAYER_INVALID'],
    ['a pax record without =', archive(entry({ type: 'x', content: '8 path x\n' }), entry({})), 'LAYER_INVALID'],
    [
      'a pax record without a line end',
      archive(entry({ type: 'x', content: '9 path=xx' }), entry({})),
      'LAYER_INVALID',
    ],
    ['a pax size of -1', archive(pax({ size: '-1' }), entry({})), 'LAYER_INVALID'],
    ['a pax size in hexadecimal', archive(pax({ size: '0x10' }), entry({})), 'LAYER_INVALID'],
    ['an owner of -1', archive(pax({ uid: '4294967295' }), entry({})), 'LAYER_INVALID'],
    ['an attribute without a name', archive(pax({ 'SCHILY.xattr.': 'x' }), entry({})), 'LAYER_INVALID'],
    ['two pax headers for one entry', archive(pax({ path: 'a' }), pax({ path: 'b' }), entry({})), 'LAYER_INVALID'],
    [
      'two paths for one entry',
      archive(pax({ path: 'a' }), entry({ type: 'L', content: 'b\0' }), entry({})),
      'LAYER_INVALID',
    ],
    ['a hardlink with a content', archive(entry({ type: '1', link: 'a', content: 'x' })), 'LAYER_INVALID'],
    ['a symlink with a content', archive(entry({ type: '2', link: 'a', content: 'x' })), 'LAYER_INVALID'],
    ['GNU sparse files', archive(entry({ type: 'S' })), 'LAYER_UNSUPPORTED'],
    ['pax sparse files', archive(pax({ 'GNU.sparse.major': '1' }), entry({})), 'LAYER_UNSUPPORTED'],
    ['several volumes', archive(entry({ type: 'M' })), 'LAYER_UNSUPPORTED'],
    ['an unknown type', archive(entry({ type: 'Z' })), 'LAYER_UNSUPPORTED'],
    ['a global path', archive(pax({ path: 'x' }, 'g'), entry({})), 'LAYER_UNSUPPORTED'],
  ])('%s', async (_what, bytes, code) => {
    await expect(readAll(bytes)).rejects.toMatchObject({ name: 'OciError', code });
  });

  test('content that is read twice or too late', async () => {
    const reader = readTar(inChunks(archive(entry({ content: 'a'.repeat(2000) }), entry({ path: 'b' }))));
    const first = (await reader.next()).value;
    const content = first?.content[Symbol.asyncIterator]();
    await content?.next();
    await reader.next();
    await expect(content?.next()).rejects.toThrow(TypeError);
  });
});

describe('readTar holds', () => {
  test('for any entries, cut in any way', async () => {
    const file = fc.record({
      path: fc.stringMatching(/^[a-z]{1,20}$/),
      content: fc.string({ unit: 'binary-ascii', maxLength: 1500 }),
      xattr: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { maxLength: 5 }),
        fc.integer({ min: 1, max: 2000 }),
        async (files, chunkSize) => {
          const bytes = archive(
            ...files.flatMap(({ path, content, xattr }) => [
              pax({ 'SCHILY.xattr.user.x': xattr }),
              entry({ path, content }),
            ]),
          );
          const read = await readAll(bytes, chunkSize);
          expect(
            read.map(({ path, content, xattrs }) => ({
              path,
              content,
              xattr: Uint8Array.from(xattrs.get('user.x') ?? []),
            })),
          ).toEqual(files);
        },
      ),
      { numRuns: fuzzRuns(60) },
    );
  });

  test('for damage anywhere: an archive is read, or refused by code', async () => {
    const good = archive(
      pax({ path: 'long', 'SCHILY.xattr.user.a': 'b' }),
      entry({ content: 'hello' }),
      entry({ type: 'L', content: 'n\0' }),
      entry({}),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        async (changes, end) => {
          const bytes = Buffer.from(good);
          for (const [position, value] of changes) bytes[position] = value;
          try {
            await readAll(bytes.subarray(0, end));
          } catch (error) {
            expect(error).toMatchObject({ name: 'OciError' });
          }
        },
      ),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('when its consumer leaves early: the source is closed', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield entry({ content: 'x' });
      } finally {
        closed = true;
      }
    }
    for await (const _entry of readTar(source())) break;
    expect(closed).toBe(true);
  });
});
