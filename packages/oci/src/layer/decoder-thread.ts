// What runs in the thread that decompresses a large layer, and what is said between it and the thread that started it.

/** The thread that started it sends pieces of at most this size, and gets such. */
export const pieceSize = 256 * 1024;

/** Pieces that one side may send before the other one has used them. */
export const piecesAhead = 6;

export type Format = 'gzip' | 'zstd';

/** Bytes to decompress; the end of them; a piece that came was used. */
export type ToDecoder = Uint8Array<ArrayBuffer> | 'end' | 'used';

/** Decompressed bytes; a piece that came was used; the end: SHA-256 of all that was decompressed; what the decoder threw. */
export type FromDecoder =
  | Uint8Array<ArrayBuffer>
  | 'used'
  | { readonly sha256: string }
  | { readonly code: string; readonly message: string };

export interface DecoderSettings {
  readonly format: Format;
  readonly pieceSize: number;
  readonly piecesAhead: number;
}

/**
 * A thread is started from this text and not from a file: the agent is one executable, and has no other.
 */
export function decoderScript(): string {
  return `(${decode})()`;
}

/** Started from its text, so that it can use nothing that is outside of it. */
function decode(): void {
  const { parentPort: port, workerData } = process.getBuiltinModule('node:worker_threads');
  const { createGunzip, createZstdDecompress } = process.getBuiltinModule('node:zlib');
  const { createHash } = process.getBuiltinModule('node:crypto');
  const settings: DecoderSettings = workerData;
  const chunkSize = settings.pieceSize;
  // The decoder, too, works ahead.
  const options = { chunkSize, readableHighWaterMark: 2 * chunkSize, writableHighWaterMark: 2 * chunkSize };
  const decoder = settings.format === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  const chunks: AsyncIterable<Buffer<ArrayBuffer>> = decoder;
  const hash = createHash('sha256');
  let unused = 0;
  let wake = (): void => undefined;

  function say(message: FromDecoder): void {
    port?.postMessage(message, message instanceof Uint8Array ? [message.buffer] : []);
  }

  /** Memory is given back at once: the garbage collector takes tens of megabytes of it for nothing to worry about. */
  function free({ buffer }: Uint8Array<ArrayBuffer>): void {
    buffer.transfer(0);
  }

  async function sendAll(): Promise<void> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      while (unused >= settings.piecesAhead) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      unused += 1;
      const isWhole = chunk.length === chunk.buffer.byteLength;
      say(isWhole ? chunk : Uint8Array.from(chunk));
      // The decoder goes on behind a part of its memory, unless it was the last one.
      if (!isWhole && chunk.byteOffset + chunk.length === chunk.buffer.byteLength) free(chunk);
    }
    say({ sha256: hash.digest('hex') });
  }

  port?.on('message', (message: ToDecoder) => {
    if (message === 'end') decoder.end();
    else if (message === 'used') {
      unused -= 1;
      wake();
    } else {
      decoder.write(message, () => {
        free(message);
        say('used');
      });
    }
  });
  sendAll().catch((error: NodeJS.ErrnoException) => say({ code: error.code ?? '', message: error.message }));
}
