import { endOf } from './coalesce.ts';
import type { BlobRange } from './open-ranges.ts';

/** Consecutive bytes of a blob. */
export interface Piece {
  offset: number;
  bytes: Uint8Array;
}

/** The answer is well-formed and holds something else than asked for: asking in another way may help. */
export class NotAsAskedError extends Error {
  override readonly name = 'NotAsAskedError';
}

/** Ranges that are still to come, in order. What arrives is taken off them. */
export class Wanted {
  #ranges: BlobRange[];
  #completed = 0;
  #bytes = 0;

  constructor(ranges: readonly BlobRange[]) {
    this.#ranges = ranges.map((range) => ({ ...range }));
  }

  /** What has not come yet; the first may have come in part. */
  get ranges(): readonly BlobRange[] {
    return this.#ranges;
  }

  /** How many ranges have come. */
  get completed(): number {
    return this.#completed;
  }

  /** How many bytes have come. */
  get bytes(): number {
    return this.#bytes;
  }

  get isComplete(): boolean {
    return this.#ranges.length === 0;
  }

  /**
   * What is wanted of bytes that arrive from `offset` on.
   * @throws NotAsAskedError where something wanted is missing before them
   */
  *take(offset: number, bytes: Uint8Array): Generator<Piece> {
    let position = offset;
    let rest = bytes;
    for (let range = this.#ranges[0]; range !== undefined && rest.length > 0; range = this.#ranges[0]) {
      if (position > range.offset) throw new NotAsAskedError(`bytes from ${range.offset} to ${position} are missing`);
      rest = rest.subarray(range.offset - position);
      if (rest.length === 0) return;
      const taken = rest.subarray(0, range.length);
      this.#bytes += taken.length;
      yield { offset: range.offset, bytes: taken };
      position = range.offset + taken.length;
      rest = rest.subarray(taken.length);
      if (taken.length === range.length) {
        this.#ranges.shift();
        this.#completed += 1;
      } else {
        this.#ranges[0] = { offset: position, length: endOf(range) - position };
      }
    }
  }
}
