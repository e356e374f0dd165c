import { createHash, randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, parseDigest } from '../digest.ts';
import { mediaTypes } from '../media-types.ts';
import { archive, entry, inChunks } from '../tar/test-archive.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { type ReadLayerOptions, readLayer } from './read.ts';

const tar = archive(entry({ path: 'a', content: 'hello' }), entry({ path: 'b', content: 'x'.repeat(100_000) }));
const diffId = digestOf(tar);
/** A frame that decoders skip: zstd:chunked keeps its table of contents in such. RFC 8878, 3.1.2. */
const skippableFrame = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

const half = tar.subarray(0, 5000);
const zstdFrames = Buffer.concat([zstdCompressSync(half), zstdCompressSync(tar.subarray(5000))]);

describe.each([
  { where: 'here', size: 10_000, runs: 300 },
  { where: 'in a thread of its own', size: 100_000_000, runs: 30 },
])('readLayer, decompressing $where', ({ size, runs }) => {
  async function pathsIn(
    blob: Uint8Array,
    mediaType: string = mediaTypes.ociLayerGzip,
    options: ReadLayerOptions = {},
  ): Promise<string[]> {
    const paths: string[] = [];
    const descriptor = { mediaType, digest: digestOf(blob), size };
    for await (const { path } of readLayer(inChunks(blob), descriptor, diffId, options)) paths.push(path);
    return paths;
  }

  test.each([
    ['plain', tar],
    ['gzip', gzipSync(tar)],
    ['gzip of two members', Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])],
    ['gzip with zeros behind it', Buffer.concat([gzipSync(tar), Buffer.alloc(100)])],
    ['zstd', zstdCompressSync(tar)],
    ['zstd of two frames', zstdFrames],
    // The decoder stops there; the archive is what the diff-id says all the same.
    ['zstd with rubbish behind it', Buffer.concat([zstdCompressSync(tar), Buffer.from('rubbish')])],
    [
      'zstd:chunked',
      Buffer.concat([
        zstdCompressSync(tar.subarray(0, 700)),
        skippableFrame,
        zstdCompressSync(tar.subarray(700)),
        skippableFrame,
      ]),
    ],
  ])('reads %s, whatever the media type says', async (_what, blob) => {
    expect(await pathsIn(blob, mediaTypes.ociLayer)).toEqual(['a', 'b']);
    expect(await pathsIn(blob, mediaTypes.dockerLayerGzip)).toEqual(['a', 'b']);
  });

  test.each([
    ['a cut gzip', gzipSync(tar).subarray(0, -9), 'LAYER_INVALID'],
    ['a cut zstd', zstdCompressSync(tar).subarray(0, -9), 'LAYER_INVALID'],
    ['a damaged gzip', Buffer.concat([gzipSync(tar).subarray(0, 30), Buffer.alloc(100, 7)]), 'LAYER_INVALID'],
    ['a damaged zstd', Buffer.concat([zstdCompressSync(tar).subarray(0, 12), Buffer.alloc(100, 7)]), 'LAYER_INVALID'],
    ['gzip with rubbish behind it', Buffer.concat([gzipSync(tar), Buffer.from('rubbish')]), 'LAYER_INVALID'],
    [
      'gzip behind zstd',
      Buffer.concat([zstdCompressSync(half), gzipSync(tar.subarray(half.length))]),
      'DIGEST_MISMATCH',
    ],
    // RFC 8878, 3.1.1.1.2: a window of 2 GiB, which a decoder would have to keep in memory.
    ['a zstd with a huge window', Buffer.from('28b52ffd00a8010000', 'hex'), 'LAYER_INVALID'],
    ['another content', gzipSync(archive(entry({ path: 'a', content: 'hullo' }))), 'DIGEST_MISMATCH'],
    ['a tail that the diff-id has not', gzipSync(Buffer.concat([tar, Buffer.alloc(512)])), 'DIGEST_MISMATCH'],
    ['nothing', Buffer.alloc(0), 'DIGEST_MISMATCH'],
    // Decoders see nothing wrong with these.
    ['a zstd that is cut between frames', zstdFrames.subarray(0, zstdCompressSync(half).length), 'DIGEST_MISMATCH'],
    ['a zstd with a frame twice', Buffer.concat([zstdFrames, zstdFrames]), 'DIGEST_MISMATCH'],
    ['a gzip with a member twice', Buffer.concat([gzipSync(tar), gzipSync(tar)]), 'DIGEST_MISMATCH'],
  ])('refuses %s', async (_what, blob, code) => {
    await expect(pathsIn(blob)).rejects.toMatchObject({ code });
  });

  test('refuses what is not a layer', async () => {
    await expect(pathsIn(tar, 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted')).rejects.toMatchObject({
      code: 'LAYER_UNSUPPORTED',
    });
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('stops a %s bomb at the limit', async (_what, compress) => {
    const bomb = compress(archive(entry({ content: Buffer.alloc(50_000_000) })));
    await expect(pathsIn(bomb, mediaTypes.ociLayerZstd, { maximumSize: 1_000_000 })).rejects.toMatchObject({
      code: 'LAYER_TOO_LARGE',
    });
    await expect(pathsIn(bomb, mediaTypes.ociLayerZstd, { maximumRatio: 1_000_000 / size })).rejects.toMatchObject({
      code: 'LAYER_TOO_LARGE',
    });
  });

  test('reads, or refuses with a code, whatever was damaged', async () => {
    const change = fc.tuple(fc.nat(5000), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(gzipSync(tar), zstdFrames),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        async (good, changes) => {
          const blob = Buffer.from(good);
          for (const [position, value] of changes) blob[position % blob.length] = value;
          try {
            expect(await pathsIn(blob)).toEqual(['a', 'b']);
          } catch (error) {
            expect(error).toMatchObject({ name: 'OciError' });
          }
        },
      ),
      { numRuns: fuzzRuns(runs) },
    );
  });

  test('passes on what the source throws', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield gzipSync(tar).subarray(0, 50);
      throw new RangeError('the source broke');
    }
    const layer = readLayer(broken(), { mediaType: mediaTypes.ociLayerGzip, digest: diffId, size }, diffId);
    await expect(Array.fromAsync(layer)).rejects.toThrow('the source broke');
  });

  test('ends when aborted, also while its source hangs', async () => {
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield gzipSync(tar).subarray(0, 50);
      await new Promise(() => undefined);
    }
    const layer = readLayer(hanging(), { mediaType: mediaTypes.ociLayerGzip, digest: diffId, size }, diffId, {
      signal: AbortSignal.timeout(50),
    });
    await expect(Array.fromAsync(layer)).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('passes on what the source throws at its end, when all of it was read', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield gzipSync(tar);
      // Behind which the decoder looks at nothing.
      for (let count = 0; count < 100; count += 1) yield Buffer.alloc(100_000);
      throw new RangeError('the source broke');
    }
    const layer = readLayer(broken(), { mediaType: mediaTypes.ociLayerGzip, digest: diffId, size }, diffId);
    await expect(Array.fromAsync(layer)).rejects.toThrow('the source broke');
  });

  test('reads no further ahead than a few megabytes, and lets go of its source when nobody reads on', async () => {
    const piece = zstdCompressSync(randomBytes(1_000_000));
    let pieces = 0;
    const ended = Promise.withResolvers<void>();
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield zstdCompressSync(entry({ size: '77777777777\0' }));
        for (; ; pieces += 1) yield piece;
      } finally {
        ended.resolve();
      }
    }
    const descriptor = { mediaType: mediaTypes.ociLayerZstd, digest: diffId, size };
    for await (const { content } of readLayer(endless(), descriptor, diffId)) {
      for await (const _chunk of content) break;
      break;
    }
    await ended.promise;
    expect(pieces).toBeLessThan(20);
  });
});

test('readLayer needs memory that does not grow with the layer', async () => {
  const piece = Buffer.alloc(1024 * 1024, 'incompressible?');
  const total = 400;
  async function* big(): AsyncGenerator<Uint8Array> {
    yield entry({ size: `${(piece.length * total).toString(8).padStart(11, '0')}\0` });
    for (let index = 0; index < total; index += 1) yield piece;
  }
  const hash = createHash('sha256');
  for await (const chunk of big()) hash.update(chunk);
  const id = `sha256:${hash.digest('hex')}`;
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const descriptor = { mediaType: mediaTypes.ociLayer, digest: diffId, size: 1 };
  for await (const { content } of readLayer(big(), descriptor, parseDigest(id))) {
    for await (const _chunk of content) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(most).toBeLessThan(64 * 1024 * 1024);
});
