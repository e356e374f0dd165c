// Extended headers: records of "LENGTH KEY=VALUE\n".
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03
// Extended attributes are in records SCHILY.xattr.NAME with binary values (star(1), "SCHILY.xattr.attr").
import { OciError } from '../error.ts';
import { decodeName } from './name.ts';
import { parseDecimal } from './numbers.ts';

const xattrPrefix = 'SCHILY.xattr.';

/** What an extended header says about the entry after it. */
export interface PaxRecords {
  path?: Uint8Array;
  linkTarget?: Uint8Array;
  size?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  xattrs: Map<string, Uint8Array>;
}

/** @throws OciError LAYER_INVALID, LAYER_UNSUPPORTED */
export function parsePaxRecords(bytes: Uint8Array): PaxRecords {
  const records: PaxRecords = { xattrs: new Map() };
  for (const [key, value] of splitRecords(bytes)) applyRecord(records, key, value);
  return records;
}

/**
 * A global header changes every entry after it, and readers do not agree on that (Go's archive/tar, which podman uses,
 * ignores it): such an archive would be two different ones. Only one that changes nothing may pass.
 * @throws OciError LAYER_INVALID, LAYER_UNSUPPORTED
 */
export function checkGlobalPaxRecords(bytes: Uint8Array): void {
  for (const [key] of splitRecords(bytes)) {
    if (key === 'comment' || key.startsWith('VENDOR.')) continue;
    throw new OciError(
      'LAYER_UNSUPPORTED',
      `the archive has a global extended header with ${JSON.stringify(key.slice(0, 100))}; write the layer without one`,
    );
  }
}

function applyRecord(records: PaxRecords, key: string, value: Uint8Array): void {
  if (key.startsWith(xattrPrefix)) {
    records.xattrs.set(xattrName(key), value);
    return;
  }
  if (key.startsWith('GNU.sparse.')) {
    throw new OciError('LAYER_UNSUPPORTED', 'the archive has a sparse file; write the layer without --sparse');
  }
  // An empty value takes the header's own back.
  if (value.length === 0) return;
  switch (key) {
    case 'path':
      records.path = value;
      return;
    case 'linkpath':
      records.linkTarget = value;
      return;
    case 'size':
      records.size = wholeNumber(value, 'size');
      return;
    case 'uid':
      records.uid = wholeNumber(value, 'owner');
      return;
    case 'gid':
      records.gid = wholeNumber(value, 'group');
      return;
    case 'mtime':
      records.mtime = parseDecimal(Buffer.from(value).toString('latin1'), 'modification time');
  }
}

function xattrName(key: string): string {
  const name = key.slice(xattrPrefix.length);
  if (name === '' || name.includes('\0')) {
    throw new OciError(
      'LAYER_INVALID',
      'the archive has an extended attribute without a proper name; push the image again',
    );
  }
  return name;
}

function wholeNumber(value: Uint8Array, name: string): number {
  const number = parseDecimal(Buffer.from(value).toString('latin1'), name);
  if (Number.isInteger(number)) return number;
  throw new OciError('LAYER_INVALID', `an extended header has a fraction as ${name}; push the image again`);
}

/**
 * The records of an extended header, in order; values may be binary.
 * @throws OciError LAYER_INVALID
 */
export function* splitRecords(bytes: Uint8Array): Generator<[key: string, value: Uint8Array]> {
  const newline = 0x0a;
  for (let start = 0; start < bytes.length; ) {
    // No record is longer than a billion bytes: ten characters hold the length and its space.
    const space = bytes.subarray(start, start + 10).indexOf(0x20);
    const digits = space < 0 ? '' : Buffer.from(bytes.subarray(start, start + space)).toString('latin1');
    const length = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
    const record = bytes.subarray(start + space + 1, start + length);
    const equals = record.indexOf(0x3d);
    if (start + length > bytes.length || equals <= 0 || record.at(-1) !== newline) {
      throw new OciError('LAYER_INVALID', 'the archive has a damaged extended header; push the image again');
    }
    yield [decodeName(record.subarray(0, equals), 'key'), record.subarray(equals + 1, -1)];
    start += length;
  }
}
