// Small pieces of zstd are decoded at once: a decoder for each of 20,000 files would cost more than the decoding.
import { pipeline, Readable } from 'node:stream';
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { OciError } from '../error.ts';
import { tocInvalid } from './refusal.ts';

/** The most that is decoded at once, before and after: short enough not to hold up the event loop. */
const smallSize = 512 * 1024;

/**
 * Decompresses a piece that must have exactly the size it is said to have: a bomb is cut there.
 * @throws OciError TOC_INVALID
 */
export function decompressPiece(compressed: Uint8Array, size: number, what: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = zstdDecompressSync(compressed, { maxOutputLength: Math.max(size, 1) });
  } catch (cause) {
    throw tocInvalid(`${what} cannot be decompressed to the ${size} bytes that it should have`, cause);
  }
  if (bytes.length === size) return bytes;
  throw tocInvalid(`${what} should have ${size} bytes and has ${bytes.length}`);
}

/**
 * The content of a file, `size` bytes, from its frames. What the frames hold behind it is left alone: some tables of contents
 * do not tell where a file's last frame ends.
 * @throws OciError LAYER_INVALID
 */
export async function* decompressContent(
  source: AsyncIterable<Uint8Array>,
  compressedSize: number,
  size: number,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = size;
  try {
    const isSmall = compressedSize <= smallSize && size <= smallSize;
    for await (const chunk of isSmall ? decompressAtOnce(source) : decompressStream(source)) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) return;
    }
  } catch (cause) {
    throw isDecoderError(cause) ? damaged(what, cause) : cause;
  }
}

async function* decompressAtOnce(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const compressed = Buffer.concat(await Array.fromAsync(source));
  try {
    yield zstdDecompressSync(compressed, { maxOutputLength: 2 * smallSize });
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    yield* decompressStream([compressed]);
  }
}

async function* decompressStream(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = createZstdDecompress({ chunkSize: 256 * 1024 });
  pipeline(Readable.from(source), decoder, () => {
    // Its error destroys the decoder, and thus reaches the loop below.
  });
  try {
    for await (const chunk of decoder) yield chunk;
  } finally {
    decoder.destroy();
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}

function isDecoderError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(?:Z_|ZSTD_)/.test(error.code)
  );
}

function damaged(what: string, cause: unknown): OciError {
  return new OciError('LAYER_INVALID', `${what} cannot be decompressed: it is damaged; push the image again`, {
    cause,
  });
}
