import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { readLayer } from '../layer/read.ts';
import type { TarEntryMetadata } from '../tar/entry.ts';
import { readTar } from '../tar/read.ts';
import { archive, entry, inChunks, pax } from '../tar/test-archive.ts';
import { chunkedLayer, rangesOf, type TestLayer } from '../testing/chunked-layer.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { fetchContents } from './fetch-contents.ts';
import { fetchToc } from './fetch-toc.ts';
import { writeChunkedLayer } from './write.ts';

interface ReadFile {
  metadata: TarEntryMetadata;
  content: string;
}

async function readAll(
  entries: AsyncIterable<TarEntryMetadata & { content: AsyncIterable<Uint8Array> }>,
): Promise<ReadFile[]> {
  const read: ReadFile[] = [];
  for await (const { content, ...metadata } of entries) {
    read.push({
      metadata,
      content: Buffer.concat(await Array.fromAsync(content, (chunk) => Uint8Array.from(chunk))).toString('latin1'),
    });
  }
  return read;
}

async function readChunked({ blob, descriptor }: TestLayer): Promise<ReadFile[]> {
  const openRanges = rangesOf(blob);
  const toc = await fetchToc(openRanges, descriptor);
  const contents = new Map<string, string>();
  for await (const { entry: file, content } of fetchContents(openRanges, descriptor, toc.entries)) {
    contents.set(file.path, Buffer.concat(await Array.fromAsync(content)).toString('latin1'));
  }
  return toc.entries.map(({ digest: _digest, chunks: _chunks, ...metadata }) => ({
    metadata,
    content: contents.get(metadata.path) ?? 'nothing',
  }));
}

const everything = archive(
  entry({ path: './', type: '5', mode: '0041755\0' }),
  entry({
    path: './setuid',
    mode: '0004755\0',
    uid: '0001750\0',
    gid: '0000012\0',
    mtime: '14000000000\0',
    content: 'hello',
  }),
  entry({ path: './empty' }),
  entry({ path: './symlink', type: '2', link: 'a/../b' }),
  entry({ path: './hardlink', type: '1', link: './setuid' }),
  entry({ path: './null', type: '3' }),
  entry({ path: './fifo', type: '6' }),
  entry({ path: './.wh.gone' }),
  Buffer.concat([
    pax({
      path: './grüße',
      mtime: '1700000000.123456789',
      'SCHILY.xattr.security.capability': Buffer.from([1, 0, 0, 2, 61, 10, 255]),
    }),
    entry({ path: 'x', content: 'x'.repeat(1_000_000) }),
  ]),
  entry({ path: './padded', content: 'y'.repeat(512) }),
);

describe('a chunked layer', () => {
  test('is the same archive for those who know only zstd', async () => {
    const { blob, descriptor, diffId } = await chunkedLayer(everything);
    expect(diffId).toBe(digestOf(everything));
    expect([descriptor.digest, descriptor.size]).toEqual([digestOf(blob), blob.length]);
    expect(await readAll(readLayer(inChunks(blob), descriptor, diffId))).toEqual(
      await readAll(readTar(inChunks(everything))),
    );
  });

  test('tells by its table what the archive says, and gives each file', async () => {
    expect(await readChunked(await chunkedLayer(everything))).toEqual(await readAll(readTar(inChunks(everything))));
  });

  test('ends with a footer that says where its tables are', async () => {
    const { blob, descriptor } = await chunkedLayer(everything);
    const footer = blob.subarray(-64);
    expect(blob.subarray(-72, -64).toString('hex')).toBe('502a4d1840000000');
    const numbers = Array.from({ length: 7 }, (_, index) => footer.readBigUInt64LE(index * 8));
    const annotations = descriptor.annotations ?? {};
    expect(numbers.slice(0, 4).join(':')).toBe(annotations['io.github.containers.zstd-chunked.manifest-position']);
    expect(numbers.slice(4).join(':')).toBe(annotations['io.github.containers.zstd-chunked.tarsplit-position']);
    expect(footer.subarray(56).toString()).toBe('GNUlInUx');
  });

  test('has the same digest however its archive arrives', async () => {
    const { descriptor } = await chunkedLayer(everything, 1);
    for (const size of [511, 512, 65_536, everything.length]) {
      expect((await chunkedLayer(everything, size)).descriptor).toEqual(descriptor);
    }
    expect((await chunkedLayer(everything, 1000, { level: 1 })).descriptor.digest).not.toBe(descriptor.digest);
  });

  test('of nothing but the end of an archive', async () => {
    const empty = archive();
    const layer = await chunkedLayer(empty);
    expect(await readChunked(layer)).toEqual([]);
    expect(await readAll(readLayer(inChunks(layer.blob), layer.descriptor, digestOf(empty)))).toEqual([]);
  });

  test('keeps what stands behind the end of the archive', async () => {
    const long = Buffer.concat([everything, Buffer.alloc(9000), Buffer.from('tail')]);
    const { blob, descriptor, diffId } = await chunkedLayer(long);
    expect(diffId).toBe(digestOf(long));
    expect(await readAll(readLayer(inChunks(blob), descriptor, diffId))).toHaveLength(10);
  });

  test('of any files', async () => {
    const file = fc.record({
      path: fc.stringMatching(/^[a-zé☃]{1,20}$/u),
      content: fc.string({ unit: 'binary-ascii', maxLength: 3000 }),
      xattr: fc.uint8Array({ maxLength: 40 }),
      mtime: fc.double({ min: -1e9, max: 4e9, noNaN: true }).map((time) => time.toFixed(9)),
    });
    const files = fc.uniqueArray(file, { maxLength: 6, selector: ({ path }) => path });
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 3000 }), async (chosen, chunkSize) => {
        const tar = archive(
          ...chosen.flatMap(({ path, content, xattr, mtime }) => [
            pax({ path, mtime, 'SCHILY.xattr.user.x': xattr }),
            entry({ path: 'x', content }),
          ]),
        );
        const layer = await chunkedLayer(tar, chunkSize);
        expect(await readChunked(layer)).toEqual(await readAll(readTar(inChunks(tar))));
        expect(await readAll(readLayer(inChunks(layer.blob), layer.descriptor, layer.diffId))).toHaveLength(
          chosen.length,
        );
      }),
      { numRuns: fuzzRuns(40) },
    );
  });
});

describe('the writer refuses', () => {
  test.each([
    ['a name twice', archive(entry({ path: 'a' }), entry({ path: './a/' })), 'LAYER_UNSUPPORTED'],
    ['a global header', archive(pax({ comment: 'x' }, 'g'), entry({})), 'LAYER_UNSUPPORTED'],
    ['a contiguous file', archive(entry({ type: '7' })), 'LAYER_UNSUPPORTED'],
    ['a file with a slash', archive(entry({ path: 'a/', type: '0' })), 'LAYER_UNSUPPORTED'],
    ['a sparse file', archive(entry({ type: 'S' })), 'LAYER_UNSUPPORTED'],
    ['a year 12000', archive(pax({ mtime: '316516204800' }), entry({})), 'LAYER_UNSUPPORTED'],
    ['a name that is not UTF-8', archive(entry({ path: Buffer.from([0xe9]) })), 'LAYER_INVALID'],
    ['a cut archive', entry({ content: 'x'.repeat(1000) }).subarray(0, 700), 'LAYER_INVALID'],
    ['no bytes', Buffer.alloc(0), 'LAYER_INVALID'],
    ['an endless tail', Buffer.concat([archive(), Buffer.alloc(20_000_000)]), 'LAYER_UNSUPPORTED'],
  ])('%s', async (_what, tar, code) => {
    await expect(chunkedLayer(tar, 100_000)).rejects.toMatchObject({ name: 'OciError', code });
  });

  test('nothing, but passes on what its ends throw', async () => {
    const failing = async (): Promise<void> => {
      throw new RangeError('disk');
    };
    await expect(writeChunkedLayer(inChunks(everything), failing)).rejects.toThrow('disk');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield everything.subarray(0, 3000);
      throw new RangeError('source');
    }
    await expect(writeChunkedLayer(broken(), () => undefined)).rejects.toThrow('source');
    const signal = AbortSignal.abort(new RangeError('stop'));
    await expect(writeChunkedLayer(inChunks(everything), () => undefined, { signal })).rejects.toThrow('stop');
  });
});

test('memory does not grow with a file', async () => {
  const piece = Buffer.alloc(1024 * 1024, 'incompressible?');
  const total = 300;
  async function* big(): AsyncGenerator<Uint8Array> {
    yield entry({ size: `${(piece.length * total).toString(8).padStart(11, '0')}\0` });
    for (let index = 0; index < total; index += 1) yield piece;
  }
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  await writeChunkedLayer(
    big(),
    () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    },
    { level: 1 },
  );
  expect(most).toBeLessThan(100 * 1024 * 1024);
});
