// Byte ranges of requests (https://www.rfc-editor.org/rfc/rfc9110.html#section-14) and of upload pieces
// (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-a-blob-in-chunks).

/** First and last byte, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** More than any client needs at a time, and few enough for their headers to be small beside what they cost us. */
const maximumRanges = 256;

/**
 * What a Range header asks for of content of `size` bytes. Other units, what cannot be read, and several ranges that do not
 * ascend or that overlap mean the whole content, as the RFC allows.
 */
export function parseRanges(header: string | undefined, size: number): ByteRange[] | 'whole' | 'unsatisfiable' {
  const [, list] = /^bytes=([0-9,\- \t]*)$/.exec(header ?? '') ?? [];
  if (list === undefined) return 'whole';
  const ranges: ByteRange[] = [];
  const specs = list.split(',');
  if (specs.length > maximumRanges) return 'whole';
  for (const spec of specs) {
    const range = parseRange(spec.trim(), size);
    if (range === 'whole') return 'whole';
    if (range === 'unsatisfiable') continue;
    const last = ranges.at(-1);
    if (last !== undefined && range.start <= last.end) return 'whole';
    ranges.push(range);
  }
  return ranges.length === 0 ? 'unsatisfiable' : ranges;
}

function parseRange(spec: string, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first = '', last = ''] = /^([0-9]{0,16})-([0-9]{0,16})$/.exec(spec) ?? [];
  if (first === '') {
    if (last === '') return 'whole';
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Number(last);
  if (last !== '' && end < start) return 'whole';
  return start >= size ? 'unsatisfiable' : { start, end: Math.min(end, size - 1) };
}

/** The Content-Range of an upload's piece: `0-1023`, which some clients write as `bytes 0-1023/2048`. */
export function parseContentRange(header: string): ByteRange | undefined {
  const match = /^(?:bytes[ =])?([0-9]{1,15})-([0-9]{1,15})(?:\/(?:[0-9]+|\*))?$/.exec(header.trim());
  if (match === null) return undefined;
  const range = { start: Number(match[1]), end: Number(match[2]) };
  return range.end < range.start ? undefined : range;
}
