import { type OstreeChecksum, parseChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import { assertNormal, decodeUtf8, invalid, offsetWidth, readOffset, widthForOffsets } from '../gvariant.ts';
import { assertFileName, compareNames } from './names.ts';

/** The content of one directory: names with the checksums of what they name. */
export interface DirectoryTree {
  readonly files: ReadonlyMap<string, OstreeChecksum>;
  readonly directories: ReadonlyMap<string, { readonly tree: OstreeChecksum; readonly metadata: OstreeChecksum }>;
}

const checksumSize = 32;

/** A tuple of a name and checksums: one of a file, two of a directory. */
interface Row {
  readonly name: string;
  /** Bytes, with the NUL at its end. */
  readonly nameSize: number;
  readonly checksums: readonly OstreeChecksum[];
  /** Bytes of the tuple. */
  readonly size: number;
}

/**
 * `(a(say)a(sayay))`: OSTREE_TREE_GVARIANT_FORMAT of ostree-core.h. Written and read without the codecs of gvariant.ts, which
 * take several times as long: an import handles thousands of directories. Nothing in it needs alignment.
 */
export function encodeDirectoryTree({ files, directories }: DirectoryTree): Uint8Array {
  const fileRows: Row[] = [];
  for (const [name, checksum] of files) fileRows.push(rowOf(name, [checksum]));
  const directoryRows: Row[] = [];
  for (const [name, { tree, metadata }] of directories) directoryRows.push(rowOf(name, [tree, metadata]));
  const split = arraySize(fileRows);
  const size = split + arraySize(directoryRows);
  const width = widthForOffsets(size, 1);
  const bytes = Buffer.allocUnsafe(size + width);
  const position = writeArray(bytes, writeArray(bytes, 0, fileRows), directoryRows);
  bytes.writeUIntLE(split, position, width);
  return bytes;
}

function rowOf(name: string, checksums: readonly OstreeChecksum[]): Row {
  const nameSize = Buffer.byteLength(name) + 1;
  const size = nameSize + checksumSize * checksums.length;
  return { name, nameSize, checksums, size: size + checksums.length * widthForOffsets(size, checksums.length) };
}

function isAscii(rows: readonly Row[]): boolean {
  for (const { name, nameSize } of rows) if (nameSize > name.length + 1) return false;
  return true;
}

function arraySize(rows: readonly Row[]): number {
  let size = 0;
  for (const row of rows) size += row.size;
  return size + rows.length * widthForOffsets(size, rows.length);
}

/** Sorts rows, writes them and the offsets of their ends from `start` on, and returns where that ends. */
function writeArray(bytes: Buffer, start: number, rows: Row[]): number {
  rows.sort(isAscii(rows) ? (a, b) => (a.name < b.name ? -1 : 1) : (a, b) => compareNames(a.name, b.name));
  let position = start;
  const ends: number[] = [];
  for (const row of rows) {
    writeRow(bytes, position, row);
    position += row.size;
    ends.push(position - start);
  }
  const width = widthForOffsets(position - start, rows.length);
  for (const end of ends) position = writeOffset(bytes, position, end, width);
  return position;
}

function writeRow(bytes: Buffer, start: number, { name, nameSize, checksums }: Row): void {
  bytes.write(name, start);
  let position = start + nameSize;
  bytes[position - 1] = 0;
  for (const checksum of checksums) position += bytes.write(checksum, position, 'hex');
  const width = widthForOffsets(position - start, checksums.length);
  // The ends of all members but the last, the last of them first.
  for (let index = checksums.length - 1; index >= 0; index--) {
    position = writeOffset(bytes, position, nameSize + checksumSize * index, width);
  }
}

/** Not by Buffer's own methods: most of this code runs a few thousand times, and is never compiled. */
function writeOffset(bytes: Buffer, position: number, offset: number, width: number): number {
  for (let index = 0, rest = offset; index < width; index++, rest >>>= 8) bytes[position + index] = rest;
  return position + width;
}

/**
 * Decodes a directory tree that comes from elsewhere: one that would not be written exactly so again is refused.
 * @throws OstreeError OSTREE_OBJECT_INVALID
 */
export function decodeDirectoryTree(bytes: Uint8Array): DirectoryTree {
  const tree = readDirectoryTree(bytes);
  assertNormal(bytes, encodeDirectoryTree(tree));
  return tree;
}

/**
 * Decodes a directory tree of a repository, which was checked when it came there.
 * @throws OstreeError OSTREE_OBJECT_INVALID
 */
export function readDirectoryTree(bytes: Uint8Array): DirectoryTree {
  const width = offsetWidth(bytes.length);
  const end = bytes.length - width;
  const split = readOffset(bytes, end, width);
  if (split > end) throw invalid('a value is cut short');
  const files = new Map<string, OstreeChecksum>();
  for (const { name, checksums } of readArray(bytes.subarray(0, split), 1)) {
    for (const checksum of checksums) files.set(name, checksum);
  }
  const directories = new Map<string, { tree: OstreeChecksum; metadata: OstreeChecksum }>();
  for (const { name, checksums } of readArray(bytes.subarray(split, end), 2)) {
    const [tree, metadata] = checksums;
    if (files.has(name)) throw unordered(name);
    if (tree !== undefined && metadata !== undefined) directories.set(name, { tree, metadata });
  }
  return { files, directories };
}

/** Rows with `count` checksums each. */
function* readArray(array: Uint8Array, count: number): Generator<Pick<Row, 'name' | 'checksums'>, void, undefined> {
  if (array.length === 0) return;
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.length);
  const hex = bytes.toString('hex');
  const width = offsetWidth(bytes.length);
  const bodyEnd = readOffset(bytes, bytes.length - width, width);
  let start = 0;
  let previous: string | undefined;
  for (let table = bodyEnd; table < bytes.length; table += width) {
    const end = readOffset(bytes, table, width);
    if (end > bodyEnd) throw invalid('a value is cut short');
    const row = readRow(bytes, hex, start, end, count);
    assertFileName(row.name);
    if (previous !== undefined && compareNames(previous, row.name) >= 0) throw unordered(row.name);
    previous = row.name;
    yield row;
    start = end;
  }
}

/** `hex` is all of the bytes. */
function readRow(
  bytes: Buffer,
  hex: string,
  start: number,
  end: number,
  count: number,
): Pick<Row, 'name' | 'checksums'> {
  const width = offsetWidth(end - start);
  const nameEnd = start + readOffset(bytes, end - width, width);
  if (nameEnd + count * (checksumSize + width) !== end) throw invalid('a checksum does not have 32 bytes');
  if (bytes[nameEnd - 1] !== 0) throw invalid('a string does not end with NUL');
  const checksums: OstreeChecksum[] = [];
  for (let position = nameEnd; checksums.length < count; position += checksumSize) {
    checksums.push(parseChecksum(hex.slice(2 * position, 2 * (position + checksumSize))));
  }
  return { name: readName(bytes, start, nameEnd - 1), checksums };
}

function readName(bytes: Buffer, start: number, end: number): string {
  const name = bytes.toString('utf8', start, end);
  // What is not UTF-8 becomes U+FFFD.
  return name.includes('\ufffd') ? decodeUtf8(bytes.subarray(start, end)) : name;
}

function unordered(name: string): OstreeError {
  return new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `a directory tree names ${JSON.stringify(name)} twice or out of order; run ostree fsck on the repository`,
  );
}
