import type { BlobRange } from './open-ranges.ts';

/** Content-Range of an answer (https://www.rfc-editor.org/rfc/rfc9110.html#section-14.4); undefined where it is none. */
export function parseContentRange(header: string | undefined): BlobRange | undefined {
  const match = /^bytes[ \t]+(\d{1,15})-(\d{1,15})\/(?:\d{1,15}|\*)$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return last < first ? undefined : { offset: first, length: last - first + 1 };
}

/** The value of a Range header for some ranges. */
export function formatRanges(ranges: readonly BlobRange[]): string {
  return `bytes=${ranges.map(({ offset, length }) => `${offset}-${offset + length - 1}`).join(',')}`;
}
