// For tests: chunked layers in memory, right ones and such that lie.
import { zstdCompressSync } from 'node:zlib';
import { chunkedAnnotations } from '../chunked/annotations.ts';
import { type WriteChunkedOptions, writeChunkedLayer } from '../chunked/write.ts';
import { type Digest, digestOf } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import type { BlobRange, OpenRanges } from '../ranges/open-ranges.ts';
import { inChunks } from '../tar/test-archive.ts';

export interface TestLayer {
  blob: Buffer;
  descriptor: Descriptor;
  diffId: Digest;
}

export async function chunkedLayer(
  tar: Uint8Array,
  chunkSize = 777,
  options: WriteChunkedOptions = {},
): Promise<TestLayer> {
  const parts: Uint8Array[] = [];
  const layer = await writeChunkedLayer(
    inChunks(tar, chunkSize),
    (bytes) => void parts.push(Buffer.from(bytes)),
    options,
  );
  const { mediaType, digest, size, annotations, diffId } = layer;
  return { blob: Buffer.concat(parts), descriptor: { mediaType, digest, size, annotations }, diffId };
}

/** A blob of the given contents and a table of contents that says whatever a test wants. */
export function layerWithToc(frames: Uint8Array, toc: unknown): TestLayer {
  const json = Buffer.from(typeof toc === 'string' ? toc : JSON.stringify(toc));
  const compressed = zstdCompressSync(json);
  const blob = Buffer.concat([frames, Buffer.alloc(8), compressed]);
  const location = { offset: frames.length + 8, length: compressed.length, uncompressedLength: json.length };
  const annotations = chunkedAnnotations({ toc: { ...location, digest: digestOf(compressed) } });
  const digest = digestOf(blob);
  return {
    blob,
    descriptor: { mediaType: mediaTypes.ociLayerZstd, digest, size: blob.length, annotations },
    diffId: digest,
  };
}

/** Gives pieces of a blob, and notes which. */
export function rangesOf(blob: Uint8Array, asked: BlobRange[] = []): OpenRanges {
  return async function* open(_descriptor, ranges) {
    for (const { offset, length } of ranges) {
      asked.push({ offset, length });
      yield { offset, bytes: inChunks(blob.subarray(offset, offset + length), 500) };
    }
  };
}
