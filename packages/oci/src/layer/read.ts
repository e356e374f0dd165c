import { abortable } from '../abortable.ts';
import type { Digest } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { layerMediaTypes } from '../media-types.ts';
import type { TarEntry } from '../tar/entry.ts';
import { readTar } from '../tar/read.ts';
import { decompress } from './decompress.ts';

/** More than any OS image has in one layer: a bound on what a hostile layer can make a host write. */
const defaultMaximumSize = 64 * 1024 ** 3;

/** From this size in the registry on a layer takes so long that a thread of its own pays. */
const largeLayer = 32 * 1024 * 1024;

export interface ReadLayerOptions {
  signal?: AbortSignal;
  /** Most bytes that the layer may have when decompressed; 64 GiB. */
  maximumSize?: number;
  /** Most bytes that may come out for each byte that the layer has in the registry; no limit unless given. */
  maximumRatio?: number;
}

/**
 * The archive of a layer: plain, gzip or zstd. The diff-id is verified at the end.
 * @throws OciError LAYER_UNSUPPORTED, LAYER_INVALID, LAYER_TOO_LARGE, DIGEST_MISMATCH, and what `blob` throws
 */
export async function* decompressLayer(
  blob: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  diffId: Digest,
  options: ReadLayerOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!layerMediaTypes.includes(descriptor.mediaType)) {
    throw new OciError(
      'LAYER_UNSUPPORTED',
      `layer ${descriptor.digest} has the media type ${descriptor.mediaType.slice(0, 200)}; build the image with tar, gzip or zstd layers`,
    );
  }
  const source = options.signal === undefined ? blob : abortable(blob, options.signal);
  const expected = { digest: diffId, what: `layer ${descriptor.digest}, decompressed,` };
  const inThread = descriptor.size >= largeLayer;
  yield* limit(decompress(source, expected, { inThread, signal: options.signal }), descriptor, options);
}

/**
 * The entries of a layer: plain, gzip or zstd. Memory does not depend on the layer's size. The diff-id is verified when the
 * last entry was read: nothing of the layer may be used before the iteration ended without an error.
 * @throws OciError LAYER_UNSUPPORTED, LAYER_INVALID, LAYER_TOO_LARGE, DIGEST_MISMATCH, and what `blob` throws
 */
export async function* readLayer(
  blob: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  diffId: Digest,
  options: ReadLayerOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  yield* readTar(decompressLayer(blob, descriptor, diffId, options));
}

async function* limit(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  { signal, maximumSize = defaultMaximumSize, maximumRatio = Number.POSITIVE_INFINITY }: ReadLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const most = Math.min(maximumSize, descriptor.size * maximumRatio);
  let size = 0;
  for await (const chunk of source) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (size > most) {
      throw new OciError(
        'LAYER_TOO_LARGE',
        `layer ${descriptor.digest} has more than ${most} bytes when decompressed; make it smaller or split it`,
      );
    }
    yield chunk;
  }
}
