import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { BlobRange } from '../ranges/open-ranges.ts';
import { archive, entry } from '../tar/test-archive.ts';
import { chunkedLayer, layerWithToc, rangesOf, type TestLayer } from '../testing/chunked-layer.ts';
import { fetchContents } from './fetch-contents.ts';
import { fetchToc } from './fetch-toc.ts';
import type { TocEntry } from './toc.ts';

const big = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 7919) % 251));
const tar = archive(
  entry({ path: 'a', content: 'first' }),
  entry({ path: 'big', content: big }),
  entry({ path: 'empty' }),
  entry({ path: 'z', content: 'last' }),
);

async function contentsOf(
  { blob, descriptor }: TestLayer,
  choose: (entries: readonly TocEntry[]) => TocEntry[] = (entries) => [...entries],
  asked: BlobRange[] = [],
): Promise<[string, Buffer][]> {
  const openRanges = rangesOf(blob, asked);
  const { entries } = await fetchToc(openRanges, descriptor);
  const contents: [string, Buffer][] = [];
  for await (const { entry: file, content } of fetchContents(openRanges, descriptor, choose(entries))) {
    contents.push([file.path, Buffer.concat(await Array.fromAsync(content))]);
  }
  return contents;
}

describe('fetchContents', () => {
  test('gives the wanted files and asks for nothing else, in the order of the blob', async () => {
    const layer = await chunkedLayer(tar);
    const asked: BlobRange[] = [];
    const contents = await contentsOf(
      layer,
      (entries) => entries.filter(({ path }) => path !== 'big').toReversed(),
      asked,
    );
    expect(contents.map(([path, content]) => [path, content.toString()])).toEqual([
      ['empty', ''],
      ['a', 'first'],
      ['z', 'last'],
    ]);
    expect(asked).toHaveLength(3);
    expect(asked.slice(1).every(({ length }) => length < 50)).toBe(true);
  });

  test('gives large files', async () => {
    const contents = new Map(await contentsOf(await chunkedLayer(tar)));
    expect(contents.get('big')?.equals(big)).toBe(true);
  });

  test('skips what its consumer does not read', async () => {
    const { blob, descriptor } = await chunkedLayer(tar);
    const { entries } = await fetchToc(rangesOf(blob), descriptor);
    const paths: string[] = [];
    for await (const { entry: file } of fetchContents(rangesOf(blob), descriptor, entries)) paths.push(file.path);
    expect(paths.toSorted()).toEqual(['a', 'big', 'empty', 'z']);
  });

  test('of several chunks, as other writers make them', async () => {
    const parts = [big.subarray(0, 1000), big.subarray(1000, 400_000), big.subarray(400_000)].map((part) =>
      zstdCompressSync(part),
    );
    const frames = Buffer.concat(parts);
    const offsets = [0, parts[0]?.length ?? 0, (parts[0]?.length ?? 0) + (parts[1]?.length ?? 0)];
    const sizes = [1000, 399_000, 300_000];
    const layer = layerWithToc(frames, {
      version: 1,
      entries: sizes.map((chunkSize, index) => ({
        ...(index === 0
          ? { type: 'reg', size: big.length, digest: digestOf(big), endOffset: frames.length }
          : { type: 'chunk', chunkOffset: index === 1 ? 1000 : 400_000 }),
        name: 'big',
        chunkSize,
        offset: offsets[index],
      })),
    });
    expect((await contentsOf(layer))[0]?.[1].equals(big)).toBe(true);
  });
});

describe('a table of contents that lies about', () => {
  const content = Buffer.from('content of a file');
  const frame = zstdCompressSync(content);
  const other = zstdCompressSync('something else');
  const file = {
    type: 'reg',
    name: 'a',
    size: content.length,
    digest: digestOf(content),
    offset: 0,
    endOffset: frame.length,
  };

  test('nothing is believed', async () => {
    const layer = layerWithToc(Buffer.concat([frame, other]), { version: 1, entries: [file] });
    expect(await contentsOf(layer)).toEqual([['a', content]]);
  });

  test.each([
    ['the digest', { digest: digestOf(Buffer.from('x')) }, 'DIGEST_MISMATCH'],
    ['the size, with more', { size: content.length + 1 }, 'SIZE_MISMATCH'],
    ['the size, with less', { size: content.length - 1 }, 'DIGEST_MISMATCH'],
    ['the size, with very much', { size: 50_000_000_000 }, 'SIZE_MISMATCH'],
    [
      'the offset, with that of another file',
      { offset: frame.length, endOffset: frame.length + other.length },
      'SIZE_MISMATCH',
    ],
    ['the offset, by one', { offset: 1 }, 'LAYER_INVALID'],
    ['the end', { endOffset: frame.length - 3 }, 'LAYER_INVALID'],
  ])('%s is found out', async (_what, change, code) => {
    const layer = layerWithToc(Buffer.concat([frame, other]), { version: 1, entries: [{ ...file, ...change }] });
    await expect(contentsOf(layer)).rejects.toMatchObject({ name: 'OciError', code });
  });

  test('the size of a bomb gets no more than that', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(100_000_000));
    const entries = [{ ...file, endOffset: bomb.length }];
    await expect(contentsOf(layerWithToc(bomb, { version: 1, entries }))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('fetchToc refuses', () => {
  const toc = { version: 1, entries: [] };

  test('a table that the manifest does not name', async () => {
    const { blob, descriptor } = layerWithToc(Buffer.alloc(10), toc);
    const other = Buffer.from(blob);
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
    await expect(fetchToc(rangesOf(other), descriptor)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(fetchToc(rangesOf(blob.subarray(0, -1)), descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  test.each([
    ['shorter', -1],
    ['longer', 1],
  ])('a table that is %s than it should be', async (_what, change) => {
    const { blob, descriptor } = layerWithToc(Buffer.alloc(10), toc);
    const key = 'io.github.containers.zstd-chunked.manifest-position';
    const [offset, length, size] = (descriptor.annotations?.[key] ?? '').split(':').map(Number);
    const annotations = { ...descriptor.annotations, [key]: `${offset}:${length}:${(size ?? 0) + change}:1` };
    await expect(fetchToc(rangesOf(blob), { ...descriptor, annotations })).rejects.toMatchObject({
      code: 'TOC_INVALID',
    });
  });

  test('a bomb, at the size that it is said to have', async () => {
    const { blob, descriptor } = layerWithToc(Buffer.alloc(10), ' '.repeat(60_000_000));
    const key = 'io.github.containers.zstd-chunked.manifest-position';
    const annotations = {
      ...descriptor.annotations,
      [key]: (descriptor.annotations?.[key] ?? '').replace(':60000000:', ':1000:'),
    };
    await expect(fetchToc(rangesOf(blob), { ...descriptor, annotations })).rejects.toMatchObject({
      code: 'TOC_INVALID',
    });
  });

  test('a layer without one', async () => {
    const { blob, descriptor } = layerWithToc(Buffer.alloc(10), toc);
    await expect(fetchToc(rangesOf(blob), { ...descriptor, annotations: {} })).rejects.toMatchObject({
      code: 'RANGES_UNSUPPORTED',
    });
  });
});
