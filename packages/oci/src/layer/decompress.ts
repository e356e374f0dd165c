import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { OciError } from '../error.ts';

const gzipMagic = [0x1f, 0x8b];
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];
const chunkSize = 256 * 1024;
/** The decoder has a thread of its own: it works ahead of the consumer by a few chunks. */
const decoderOptions = { chunkSize, readableHighWaterMark: 4 * chunkSize };

/**
 * Decompresses gzip or zstd, of one or many members or frames, and passes anything else on. Recognised by the first bytes
 * and not by the media type, as other clients do: old pushers mislabel layers, and the diff-id tells right from wrong.
 * A chunk may be used until the next one is asked for. Memory is bounded: 256 KiB a chunk, and a zstd window of at most 128 MiB (zstd's default limit).
 * @throws OciError LAYER_INVALID
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const { head, rest } = await splitHead(source, zstdMagic.length);
  const decoder = createDecoder(head);
  if (decoder === undefined) {
    yield* rest;
    return;
  }
  pipeline(Readable.from(rest), decoder, () => {
    // Its error destroys the decoder, and thus reaches the loop below.
  });
  try {
    for await (const chunk of decoder) {
      yield chunk;
      free(chunk);
    }
  } catch (cause) {
    throw isCompressionError(cause) ? damaged(cause) : cause;
  } finally {
    decoder.destroy();
  }
}

/**
 * Gives the memory back of which a chunk is the last part: the decoder is done with it, and so is the consumer, who asked for
 * the next chunk. The garbage collector takes tens of megabytes of such memory for nothing to worry about.
 */
function free({ buffer, byteOffset, length }: Uint8Array): void {
  if (byteOffset + length === chunkSize && buffer.byteLength === chunkSize && buffer instanceof ArrayBuffer) {
    buffer.transfer(0);
  }
}

function createDecoder(head: Uint8Array): ReturnType<typeof createGunzip | typeof createZstdDecompress> | undefined {
  if (startsWith(head, gzipMagic)) return createGunzip(decoderOptions);
  if (startsWith(head, zstdMagic)) return createZstdDecompress(decoderOptions);
  return undefined;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

function isCompressionError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(?:Z_|ZSTD_)/.test(error.code)
  );
}

function damaged(cause: unknown): OciError {
  return new OciError(
    'LAYER_INVALID',
    'the layer cannot be decompressed: it is damaged or cut off; push the image again',
    { cause },
  );
}

/** The first `length` bytes (fewer in a shorter stream), and the whole stream again. */
async function splitHead(
  source: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ head: Uint8Array; rest: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, rest: prepend(head, iterator) };
}

async function* prepend(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
