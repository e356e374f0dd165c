import type { BlobRange } from './open-ranges.ts';

/** What it costs to ask for a range of its own: headers of a part, or of a request. Smaller gaps are cheaper to read over. */
const defaultGap = 256;
/** Larger gaps are closed, smallest first, as long as they are no more than this part of what is wanted. */
const slack = 0.03;

/**
 * Joins ranges that lie near each other: all with at most `gap` bytes between them, and some more where that adds little.
 * @throws RangeError where they do not ascend or overlap
 */
export function coalesceRanges(ranges: readonly BlobRange[], gap = defaultGap): BlobRange[] {
  const largest = largestGap(ranges, gap);
  const joined: BlobRange[] = [];
  for (const { offset, length } of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && offset - endOf(last) <= largest) last.length = offset + length - last.offset;
    else joined.push({ offset, length });
  }
  return joined;
}

/** The largest gap that is closed. */
function largestGap(ranges: readonly BlobRange[], gap: number): number {
  const gaps: number[] = [];
  let wanted = 0;
  for (const [index, range] of ranges.entries()) {
    const previous = ranges[index - 1];
    const between = range.offset - (previous === undefined ? 0 : endOf(previous));
    if (between < 0 || range.length <= 0) throw new RangeError('ranges must ascend, not overlap and not be empty');
    if (previous !== undefined) gaps.push(between);
    wanted += range.length;
  }
  let left = wanted * slack;
  let largest = gap;
  for (const between of gaps.sort((a, b) => a - b)) {
    if (between <= gap) continue;
    left -= between;
    if (left < 0) break;
    largest = between;
  }
  return largest;
}

export function endOf({ offset, length }: BlobRange): number {
  return offset + length;
}
