// zstd as the writer of chunked layers uses it. The same bytes give the same frames, however they arrive: contents have
// their size pledged and come in pieces of one length.
import { pipeline, Readable } from 'node:stream';
import { constants, createZstdCompress, type ZstdOptions, zstdCompressSync } from 'node:zlib';

/** More than this is compressed in a stream, beside the event loop. */
export const wholeSize = 256 * 1024;
const pieceSize = 1024 * 1024;

export interface Encoding {
  level: number;
}

export function compressWhole(bytes: Uint8Array, encoding: Encoding): Buffer {
  return zstdCompressSync(bytes, zstdOptions(encoding, bytes.length));
}

/** Compresses `size` bytes to one frame. */
export async function* compressStream(
  source: AsyncIterable<Uint8Array>,
  size: number | undefined,
  encoding: Encoding,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = createZstdCompress({ ...zstdOptions(encoding, size), chunkSize: 256 * 1024 });
  pipeline(Readable.from(inPieces(source), { highWaterMark: 2 }), encoder, () => {
    // Its error destroys the encoder, and thus reaches the loop below.
  });
  try {
    for await (const chunk of encoder) yield chunk;
  } finally {
    encoder.destroy();
  }
}

function zstdOptions({ level }: Encoding, size: number | undefined): ZstdOptions {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    ...(size !== undefined && { pledgedSrcSize: size }),
  };
}

async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = Buffer.alloc(pieceSize);
  let filled = 0;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + pieceSize - filled);
      piece.set(part, filled);
      taken += part.length;
      filled += part.length;
      if (filled < pieceSize) continue;
      yield piece;
      piece = Buffer.alloc(pieceSize);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
