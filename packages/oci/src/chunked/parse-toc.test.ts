import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { parseTime, parseToc } from './parse-toc.ts';
import type { Toc } from './toc.ts';

const layer = digestOf(Buffer.from('layer'));
const digest = digestOf(Buffer.from('content'));
const end = 1000;

function parse(toc: unknown): Toc {
  return parseToc(Buffer.from(typeof toc === 'string' ? toc : JSON.stringify(toc)), { layer, end });
}

const file = { type: 'reg', name: 'a', size: 10, digest, offset: 100, endOffset: 200 };
const chunked = { ...file, chunkSize: 4, chunkDigest: digest };
const chunk = { type: 'chunk', name: 'a', offset: 150, chunkOffset: 4, chunkSize: 6, chunkDigest: digest };

function withEntries(...entries: unknown[]): unknown {
  return { version: 1, entries };
}

describe('parseToc reads', () => {
  test('what an entry says', () => {
    const { entries, tarSplitDigest } = parse({
      version: 1,
      entries: [
        { type: 'dir', name: './d/', mode: 0o40755, modtime: '2023-11-14T22:13:20.5Z', xattrs: { 'user.x': 'AQD/' } },
        { ...file, uid: 1, gid: 2, mode: 0o4755 },
        { type: 'symlink', name: 'l', linkName: '../a' },
        { type: 'reg', name: 'empty' },
      ],
      tarSplitDigest: digest,
    });
    expect(tarSplitDigest).toBe(digest);
    const plain = { mode: 0, uid: 0, gid: 0, size: 0, mtime: 0, xattrs: new Map(), chunks: [] };
    expect(entries).toEqual([
      {
        ...plain,
        path: './d/',
        type: 'directory',
        mode: 0o755,
        mtime: 1700000000.5,
        xattrs: new Map([['user.x', Uint8Array.of(1, 0, 255)]]),
      },
      {
        ...plain,
        ...{ path: 'a', type: 'file', mode: 0o4755, uid: 1, gid: 2, size: 10, digest },
        chunks: [{ offset: 100, compressedSize: 100, uncompressedOffset: 0, size: 10 }],
      },
      { ...plain, path: 'l', type: 'symlink', linkTarget: '../a' },
      { ...plain, path: 'empty', type: 'file', digest: digestOf(Buffer.alloc(0)) },
    ]);
  });

  test('chunks of a file', () => {
    const [entry] = parse(withEntries(chunked, chunk)).entries;
    expect(entry?.chunks).toEqual([
      { offset: 100, compressedSize: 50, uncompressedOffset: 0, size: 4, digest },
      { offset: 150, compressedSize: 50, uncompressedOffset: 4, size: 6, digest },
    ]);
  });

  test('files without an end, in any order: to the next one, the last to the table', () => {
    const { endOffset: _end, ...open } = file;
    const { entries } = parse(withEntries({ ...open, name: 'b', offset: 700 }, open));
    expect(entries.map(({ chunks }) => chunks[0]?.compressedSize)).toEqual([300, 600]);
  });

  test('nothing', () => {
    expect(parse({ version: 1, entries: null }).entries).toEqual([]);
    expect(parse({ version: 1, entries: [], unknown: true }).entries).toEqual([]);
  });
});

describe('parseToc refuses', () => {
  test.each([
    ['no JSON', '{'],
    ['two documents', '{"version":1,"entries":[]}{}'],
    ['no entries', { version: 1 }],
    ['an unknown type', withEntries({ type: 'socket', name: 'a' })],
    ['an empty name', withEntries({ type: 'dir', name: '' })],
    ['a NUL in a name', withEntries({ type: 'dir', name: 'a\0b' })],
    ['half a character', '{"version":1,"entries":[{"type":"dir","name":"\\ud800"}]}'],
    ['a long name', withEntries({ type: 'dir', name: 'é'.repeat(2049) })],
    ['a name twice', withEntries({ type: 'dir', name: 'a' }, file)],
    ['a name twice, written otherwise', withEntries({ type: 'dir', name: './b/../a/' }, file)],
    ['a key in another case', withEntries({ ...file, Size: 11 })],
    ['a negative size', withEntries({ ...file, size: -1 })],
    ['a huge size', withEntries({ ...file, size: 2 ** 60 })],
    ['a fraction', withEntries({ ...file, size: 1.5 })],
    ['a huge owner', withEntries({ ...file, uid: 2 ** 32 - 1 })],
    ['no digest', withEntries({ ...file, digest: undefined })],
    ['another algorithm', withEntries({ ...file, digest: `md5:${'0'.repeat(32)}` })],
    ['a digest that leads elsewhere', withEntries({ ...file, digest: 'sha256:../../etc/passwd' })],
    ['a directory with a digest', withEntries({ type: 'dir', name: 'd', digest })],
    ['an empty file with a digest', withEntries({ type: 'reg', name: 'a', digest })],
    ['an empty file with an offset', withEntries({ type: 'reg', name: 'a', offset: 100 })],
    ['a symlink to nowhere', withEntries({ type: 'symlink', name: 'l' })],
    ['a link with a size', withEntries({ type: 'hardlink', name: 'l', linkName: 'a', size: 5 })],
    ['no offset', withEntries({ ...file, offset: undefined })],
    ['an offset in the table', withEntries({ ...file, offset: end, endOffset: end + 10 })],
    ['an end in the table', withEntries({ ...file, endOffset: end + 1 })],
    ['an end before the offset', withEntries({ ...file, endOffset: 100 })],
    ['two files in one place', withEntries(file, { ...file, name: 'b' })],
    ['overlapping files', withEntries(file, { ...file, name: 'b', offset: 199, endOffset: 300 })],
    ['a file inside another one', withEntries(chunked, chunk, { ...file, name: 'b', offset: 120, endOffset: 140 })],
    ['a stray chunk', withEntries({ type: 'dir', name: 'a' }, chunk)],
    ['a chunk first', withEntries(chunk)],
    ["another file's chunk", withEntries(chunked, { ...chunk, name: 'b' })],
    ['chunks of less', withEntries(chunked, { ...chunk, chunkSize: 5 })],
    ['chunks of more', withEntries(chunked, { ...chunk, chunkSize: 7 })],
    ['chunks with a gap', withEntries(chunked, { ...chunk, chunkOffset: 5, chunkSize: 5 })],
    ['chunks that overlap', withEntries(chunked, { ...chunk, chunkOffset: 3 })],
    ['chunks that go back', withEntries(chunked, { ...chunk, offset: 90 })],
    ['a time that is none', withEntries({ ...file, modtime: '2023-13-45T99:99:99Z' })],
    ['an attribute that is not base64', withEntries({ ...file, xattrs: { 'user.x': '!' } })],
    ['an attribute without a name', withEntries({ ...file, xattrs: { '': 'AQ==' } })],
    ['a wrong digest of the headers', { version: 1, entries: [], tarSplitDigest: 'x' }],
  ])('%s', (_what, toc) => {
    expect(() => parse(toc)).toThrow(expect.objectContaining({ code: 'TOC_INVALID' }));
  });

  test.each([
    ['another version', { version: 2, entries: [] }],
    ['a name whose bytes it cannot hold', withEntries({ type: 'dir', name: 'caf\ufffd' })],
    ['a target whose bytes it cannot hold', withEntries({ type: 'symlink', name: 'l', linkName: 'caf\ufffd' })],
  ])('%s, so that the whole layer is read', (_what, toc) => {
    expect(() => parse(toc)).toThrow(expect.objectContaining({ code: 'RANGES_UNSUPPORTED' }));
  });
});

test.each([
  ['1970-01-01T00:00:00Z', 0],
  ['0001-01-01T00:00:00Z', 0],
  ['2023-11-14T22:13:20.123456789Z', Number('1700000000.123456789')],
  ['2023-11-14T23:13:20+01:00', 1_700_000_000],
  ['1969-12-31T23:59:58.5Z', -1.5],
])('time %s', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});

test('any damage gives a table that fits together, or an error with a code', () => {
  const good = JSON.stringify({
    version: 1,
    entries: [
      { type: 'dir', name: 'd', xattrs: { 'user.x': 'AQD/' }, modtime: '2023-11-14T22:13:20Z' },
      chunked,
      chunk,
      { ...file, name: 'b', offset: 300, endOffset: 400 },
    ],
    tarSplitDigest: digest,
  });
  const piece = fc.constantFrom(
    '0',
    '1',
    '-',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    'null',
    '1e9',
    'name',
    'chunk',
    '\\u0000',
    'reg',
    '\ufffd',
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length), fc.nat(6), piece), { minLength: 1, maxLength: 4 }),
      (changes) => {
        let text = good;
        for (const [at, removed, added] of changes) text = text.slice(0, at) + added + text.slice(at + removed);
        try {
          for (const { chunks, size } of parse(text).entries) {
            expect(chunks.reduce((sum, part) => sum + part.size, 0)).toBe(size);
            for (const { offset, compressedSize } of chunks) {
              expect(compressedSize).toBeGreaterThan(0);
              expect(offset + compressedSize).toBeLessThanOrEqual(end);
            }
          }
        } catch (error) {
          expect(error).toMatchObject({ name: 'OciError' });
        }
      },
    ),
    { numRuns: fuzzRuns(2000) },
  );
});
