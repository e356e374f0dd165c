// What a table of contents has to say about an entry and a tar reader does not: exact times, device numbers, the mode as it
// is written. Readers compare all of it with the headers (containers/storage, pkg/chunked/compression_linux.go), which they
// read with Go's archive/tar: an archive that this would read otherwise is refused here.
import { OciError } from '../error.ts';
import { blockSize, parseHeader } from '../tar/header.ts';
import { parseHeaderNumber } from '../tar/numbers.ts';
import { splitRecords } from '../tar/pax.ts';

export interface HeaderDetails {
  /** As in the header, which may hold the file type too. */
  mode: number;
  size: number;
  deviceMajor: number;
  deviceMinor: number;
  /** RFC 3339; absent where the archive has none, or 1970-01-01T00:00:00Z, which counts as none. */
  modified?: string;
  accessed?: string;
  changed?: string;
}

const nanoseconds = 1_000_000_000n;
/** Go writes no year beyond. */
const lastSecond = 253_402_300_799n;
const firstSecond = -62_135_596_800n;

/**
 * Reads the headers of one entry: its own block, with the extended headers before it.
 * @throws OciError LAYER_UNSUPPORTED, LAYER_INVALID
 */
export function parseHeaderDetails(headers: Uint8Array, path: string): HeaderDetails {
  const records = new Map<string, string>();
  let position = 0;
  for (;;) {
    const block = headers.subarray(position, position + blockSize);
    const { typeFlag, size } = parseHeader(block);
    position += blockSize;
    if (typeFlag === 'g') throw unsupported(path, 'follows a global extended header');
    if (!['x', 'L', 'K'].includes(typeFlag)) return toDetails(block, records, path);
    if (typeFlag === 'x') {
      for (const [key, value] of splitRecords(headers.subarray(position, position + size))) {
        records.set(key, Buffer.from(value).toString('latin1'));
      }
    }
    position += Math.ceil(size / blockSize) * blockSize;
  }
}

function toDetails(block: Uint8Array, records: Map<string, string>, path: string): HeaderDetails {
  const header = parseHeader(block);
  if (header.typeFlag === '7') throw unsupported(path, 'is a contiguous file');
  if (header.typeFlag === '0' && block[156] !== 0 && path.endsWith('/'))
    throw unsupported(path, 'is a file with a slash');
  if (Buffer.from(block.subarray(508)).toString('latin1') === 'tar\0')
    throw unsupported(path, 'has the format of star');
  const magic = Buffer.from(block.subarray(257, 263)).toString('latin1');
  const isGnu = magic === 'ustar ';
  const number = (start: number, end: number, name: string): number =>
    parseHeaderNumber(block.subarray(start, end), name);
  const times = {
    modified: formatTime(records.get('mtime') || String(header.mtime), path),
    accessed: formatTime(records.get('atime') || gnuTime(isGnu, block.subarray(345, 357)), path),
    changed: formatTime(records.get('ctime') || gnuTime(isGnu, block.subarray(357, 369)), path),
  };
  return {
    mode: header.mode,
    size: records.has('size') ? Number(records.get('size')) : header.size,
    deviceMajor: magic.startsWith('ustar') ? number(329, 337, 'device number') : 0,
    deviceMinor: magic.startsWith('ustar') ? number(337, 345, 'device number') : 0,
    ...(times.modified !== undefined && { modified: times.modified }),
    ...(times.accessed !== undefined && { accessed: times.accessed }),
    ...(times.changed !== undefined && { changed: times.changed }),
  };
}

/** GNU tar keeps times where POSIX has the prefix, in incremental archives only. */
function gnuTime(isGnu: boolean, field: Uint8Array): string {
  return isGnu && field[0] !== 0 ? String(parseHeaderNumber(field, 'time')) : '0';
}

/** A time of an archive in RFC 3339, cut to nanoseconds; undefined for 0. */
export function formatTime(text: string, path: string): string | undefined {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text) ?? [];
  const magnitude = BigInt(whole) * nanoseconds + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  const time = sign === '-' ? -magnitude : magnitude;
  if (time === 0n) return undefined;
  const rest = ((time % nanoseconds) + nanoseconds) % nanoseconds;
  const seconds = (time - rest) / nanoseconds;
  if (seconds > lastSecond || seconds <= firstSecond)
    throw unsupported(path, `has a time that no calendar has: ${text}`);
  const digits = String(rest).padStart(9, '0').replace(/0+$/, '');
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${date}${digits === '' ? '' : `.${digits}`}Z`;
}

function unsupported(path: string, why: string): OciError {
  return new OciError(
    'LAYER_UNSUPPORTED',
    `the archive's entry ${JSON.stringify(path.slice(0, 200))} ${why}, which a chunked layer cannot hold; keep the layer as it is`,
  );
}
