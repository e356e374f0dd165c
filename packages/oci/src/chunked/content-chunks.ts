// Where a file's content is in the blob, and that no two files claim the same bytes.

import { isDigest } from '../digest.ts';
import type { TocChunk, TocEntry } from './toc.ts';
import type { RawTocEntry } from './toc-entry-schema.ts';

/** A file with a content. Without an end of its own its last frame may reach to what comes next in the blob. */
export interface ContentEntry {
  entry: TocEntry;
  /** Where its first frame begins in the blob. */
  start: number;
  end: number | undefined;
}

interface ContentChunks {
  /** `compressedSize` of the last one is 0 until `checkLayout`, where the table does not tell its end. */
  chunks: TocChunk[];
  end: number | undefined;
}

/** The chunks of a file; none for what has no content. `refuse` makes the error for a lie. */
export function contentChunks(
  head: RawTocEntry,
  rest: readonly RawTocEntry[],
  size: number,
  refuse: (why: string) => Error,
): ContentChunks {
  if (size === 0) {
    if (head.offset || head.endOffset || rest.length > 0) throw refuse('is empty and has an offset or chunks');
    return { chunks: [], end: undefined };
  }
  const chunks: TocChunk[] = [];
  let position = 0;
  for (const [index, raw] of [head, ...rest].entries()) {
    const next = rest[index];
    const chunkSize = raw.chunkSize || size - position;
    if (raw.innerOffset) throw refuse('begins inside of a frame');
    if (raw.offset === undefined || raw.offset === null) throw refuse('has no offset');
    if ((raw.chunkOffset ?? 0) !== position) throw refuse('has chunks that leave a gap or overlap');
    if (chunkSize <= 0 || position + chunkSize > size) throw refuse('has chunks that are more than its size');
    const end = next?.offset ?? head.endOffset ?? undefined;
    if (end !== undefined && end <= raw.offset) throw refuse('has offsets that do not ascend');
    chunks.push({
      offset: raw.offset,
      compressedSize: end === undefined ? 0 : end - raw.offset,
      uncompressedOffset: position,
      size: chunkSize,
      ...(raw.chunkDigest && isDigest(raw.chunkDigest) && { digest: raw.chunkDigest }),
    });
    position += chunkSize;
  }
  if (position !== size) throw refuse('has chunks that are less than its size');
  return { chunks, end: head.endOffset ?? undefined };
}

/**
 * Checks that contents lie one behind another and before `end`, and gives those without an end of their own what is between
 * them and the next.
 */
export function checkLayout(
  contents: readonly ContentEntry[],
  end: number,
  refuse: (name: string, why: string) => Error,
): void {
  const inOrder = contents.toSorted((a, b) => a.start - b.start);
  for (const [index, content] of inOrder.entries()) {
    const next = inOrder[index + 1];
    const limit = next === undefined ? end : next.start;
    const last = content.entry.chunks.at(-1);
    if (last === undefined) continue;
    if (content.end === undefined) last.compressedSize = limit - last.offset;
    if ((content.end ?? limit) > limit || last.offset >= limit) {
      throw refuse(content.entry.path, 'lies in the blob where something else is');
    }
  }
}
