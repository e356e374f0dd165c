// Pieces of a blob out of one stream that has them one after the other.
import type { BlobRange, OpenedRange } from '@varve/oci';
import { AgentError } from '../error.ts';

/** Throws HELPER_REFUSED where the stream has fewer or more bytes than the ranges. Each piece must be read to its end. */
export async function* splitRanges(
  bytes: AsyncIterable<Uint8Array>,
  ranges: readonly BlobRange[],
  what: string,
): AsyncGenerator<OpenedRange, void, undefined> {
  const source = bytes[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  async function* take(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let missing = length; missing > 0; ) {
      if (rest.length === 0) {
        const next = await source.next();
        if (next.done) throw wrong(`fewer bytes of ${what} came than were asked for`);
        rest = next.value;
      }
      const piece = rest.subarray(0, missing);
      rest = rest.subarray(piece.length);
      missing -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }
  try {
    for (const { offset, length } of ranges) yield { offset, bytes: take(length) };
    while (rest.length === 0) {
      const next = await source.next();
      if (next.done) return;
      rest = next.value;
    }
    throw wrong(`more bytes of ${what} came than were asked for`);
  } finally {
    await source.return?.();
  }
}

function wrong(what: string): AgentError {
  return new AgentError('HELPER_REFUSED', `${what}; it is tried again`);
}
