import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Digest } from '../digest.ts';
import { OciError } from '../error.ts';
import { verifyContent, verifyDigest } from '../verify.ts';
import type { Format } from './decoder-thread.ts';
import { decompressInThread } from './decompress-large.ts';

const gzipMagic = [0x1f, 0x8b];
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];
const chunkSize = 256 * 1024;
/** The decoder has a thread of its own: it works ahead of the consumer by a few chunks. */
const decoderOptions = { chunkSize, readableHighWaterMark: 4 * chunkSize };

/** What the bytes must be that come out. */
export interface Expected {
  readonly digest: Digest;
  /** Names them in messages. */
  readonly what: string;
}

/**
 * Decompresses gzip or zstd, of one or many members or frames, and passes anything else on. Recognised by the first bytes
 * and not by the media type, as other clients do: old pushers mislabel layers, and the diff-id tells right from wrong.
 * A chunk may be used until the next one is asked for. Memory is bounded: 256 KiB a chunk, and a zstd window of at most 128 MiB (zstd's default limit).
 * With `inThread` another thread does it, which takes 20 MB and 30 ms.
 * @throws OciError LAYER_INVALID, DIGEST_MISMATCH at the end
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
  { inThread, signal }: { inThread: boolean; signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { head, rest } = await splitHead(source, zstdMagic.length);
  const format = formatOf(head);
  try {
    if (format === undefined) yield* verifyContent(rest, expected, expected.what);
    else if (inThread) yield* decompressInThread(rest, format, (digest) => verifyDigest(digest, expected), signal);
    else yield* verifyContent(decompressHere(rest, format), expected, expected.what);
  } catch (cause) {
    throw isCompressionError(cause) ? damaged(cause) : cause;
  }
}

async function* decompressHere(
  source: AsyncIterable<Uint8Array>,
  format: Format,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = format === 'gzip' ? createGunzip(decoderOptions) : createZstdDecompress(decoderOptions);
  const input = new Input(source);
  pipeline(Readable.from(input.pieces()), decoder, () => {
    // Its error destroys the decoder, and thus reaches the loop below.
  });
  try {
    for await (const chunk of decoder) {
      yield chunk;
      free(chunk);
    }
    await input.readToEnd();
  } finally {
    decoder.destroy();
    input.close();
  }
}

/**
 * A source of which a decoder may leave something, as gzip's does with zeros behind it. That is read as well: only at its end
 * a source tells whether it was what it should be.
 */
class Input {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Leaves the source open when nobody reads on. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let next = await this.#iterator.next(); next.done !== true; next = await this.#iterator.next())
        yield next.value;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async readToEnd(): Promise<void> {
    while ((await this.#iterator.next()).done !== true);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Tells the source to end, and does not wait for that: it may wait for its registry. */
  close(): void {
    Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
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

function formatOf(head: Uint8Array): Format | undefined {
  if (startsWith(head, gzipMagic)) return 'gzip';
  return startsWith(head, zstdMagic) ? 'zstd' : undefined;
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
