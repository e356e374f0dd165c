import type { BlobRange, OpenedRange } from './open-ranges.ts';
import type { Piece } from './wanted.ts';

/** Cuts a stream of pieces, which holds all of the ranges in order and may hold more, into the ranges. */
export async function* splitPieces(
  pieces: AsyncIterable<Piece>,
  ranges: readonly BlobRange[],
): AsyncGenerator<OpenedRange, void, undefined> {
  const reader = new PieceReader(pieces);
  try {
    for (const { offset, length } of ranges) {
      // What cannot be had is told before anything is given out.
      await reader.take(offset, offset + length);
      const bytes = rangeBytes(reader, offset, offset + length);
      yield { offset, bytes };
      await bytes.return();
    }
  } finally {
    await reader.close();
  }
}

async function* rangeBytes(
  reader: PieceReader,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = start; position < end; ) {
    const bytes = await reader.take(position, end);
    position += bytes.length;
    yield bytes;
  }
}

class PieceReader {
  readonly #pieces: AsyncIterator<Piece>;
  #piece: Piece = { offset: 0, bytes: new Uint8Array() };

  constructor(pieces: AsyncIterable<Piece>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Bytes from `start` on, at least one and none from `end` on. What lies before is let go. */
  async take(start: number, end: number): Promise<Uint8Array> {
    while (this.#piece.offset + this.#piece.bytes.length <= start) {
      const next = await this.#pieces.next();
      if (next.done === true) throw new RangeError(`there are no bytes from ${start} on`);
      this.#piece = next.value;
    }
    const { offset, bytes } = this.#piece;
    if (offset > start) throw new RangeError(`the bytes from ${start} to ${offset} are gone`);
    return bytes.subarray(start - offset, end - offset);
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
