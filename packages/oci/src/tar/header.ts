// The 512-byte header block: POSIX.1-1988 ustar, GNU's variant, and the older format without a magic.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
import { OciError } from '../error.ts';
import { parseHeaderNumber } from './numbers.ts';

export const blockSize = 512;

export interface Header {
  path: Uint8Array;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  /** The type flag as a character; `0` for the old NUL. */
  typeFlag: string;
  linkTarget: Uint8Array;
}

export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** @throws OciError LAYER_INVALID */
export function parseHeader(block: Uint8Array): Header {
  const checksum = parseHeaderNumber(block.subarray(148, 156), 'checksum');
  if (!hasChecksum(block, checksum)) {
    throw new OciError(
      'LAYER_INVALID',
      'an archive header does not match its checksum: this is not a tar archive, or it is damaged',
    );
  }
  const flag = block[156] ?? 0;
  return {
    path: parsePath(block),
    mode: parseHeaderNumber(block.subarray(100, 108), 'mode'),
    uid: parseHeaderNumber(block.subarray(108, 116), 'owner'),
    gid: parseHeaderNumber(block.subarray(116, 124), 'group'),
    size: parseHeaderNumber(block.subarray(124, 136), 'size'),
    mtime: parseHeaderNumber(block.subarray(136, 148), 'modification time'),
    typeFlag: flag === 0 ? '0' : String.fromCharCode(flag),
    linkTarget: upToNul(block.subarray(157, 257)),
  };
}

/** The bytes before the first NUL, or all. */
export function upToNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function parsePath(block: Uint8Array): Uint8Array {
  const name = upToNul(block.subarray(0, 100));
  const magic = Buffer.from(block.subarray(257, 263)).toString('latin1');
  // GNU's magic is "ustar " and it keeps times where POSIX has the prefix.
  if (magic !== 'ustar\0') return name;
  const prefix = upToNul(block.subarray(345, 500));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Some old programs added the bytes as signed numbers; readers accept both. */
function hasChecksum(block: Uint8Array, expected: number): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < blockSize; index += 1) {
    const byte = index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  return expected === unsigned || expected === signed;
}
