import { checksumFromBytes, checksumToBytes, type OstreeChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import { array, assertNormal, byteArray, string, tuple, withOffsets } from '../gvariant.ts';
import { assertFileName, compareNames } from './names.ts';

/** The content of one directory: names with the checksums of what they name. */
export interface DirectoryTree {
  readonly files: ReadonlyMap<string, OstreeChecksum>;
  readonly directories: ReadonlyMap<string, { readonly tree: OstreeChecksum; readonly metadata: OstreeChecksum }>;
}

const checksumSize = 32;

/** `(a(say)a(sayay))`: OSTREE_TREE_GVARIANT_FORMAT of ostree-core.h. */
const codec = tuple<[[string, Uint8Array][], [string, Uint8Array, Uint8Array][]]>(
  array(tuple<[string, Uint8Array]>(string, byteArray)),
  array(tuple<[string, Uint8Array, Uint8Array]>(string, byteArray, byteArray)),
);

/** What `codec` would write, in a fifth of the time: an import writes thousands of directories. */
export function encodeDirectoryTree({ files, directories }: DirectoryTree): Uint8Array {
  const fileRows = [...files].map(([name, checksum]) => encodeRow(name, [checksum]));
  const directoryRows = [...directories].map(([name, { tree, metadata }]) => encodeRow(name, [tree, metadata]));
  const [first, second] = [joinRows(fileRows), joinRows(directoryRows)];
  return withOffsets([first, second], [first.length]);
}

interface Row {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A tuple of a string and of checksums. Nothing in it needs alignment. */
function encodeRow(name: string, checksums: readonly OstreeChecksum[]): Row {
  const nameBytes = Buffer.from(`${name}\0`, 'utf8');
  const parts = [nameBytes, ...checksums.map(checksumToBytes)];
  // The ends of all members but the last, the last of them first.
  const ends = checksums.map((_, index) => nameBytes.length + checksumSize * index).reverse();
  return { name, bytes: withOffsets(parts, ends) };
}

function joinRows(rows: Row[]): Uint8Array {
  rows.sort((a, b) => compareNames(a.name, b.name));
  let end = 0;
  const ends = rows.map(({ bytes }) => {
    end += bytes.length;
    return end;
  });
  return withOffsets(
    rows.map(({ bytes }) => bytes),
    ends,
  );
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
  const [fileRows, directoryRows] = codec.decode(bytes);
  assertNames(fileRows);
  assertNames(directoryRows);
  const files = new Map(fileRows.map(([name, checksum]) => [name, checksumFromBytes(checksum)]));
  const directories = new Map(
    directoryRows.map(([name, tree, metadata]) => [
      name,
      { tree: checksumFromBytes(tree), metadata: checksumFromBytes(metadata) },
    ]),
  );
  const twice = [...files.keys()].find((name) => directories.has(name));
  if (twice !== undefined) throw unordered(twice);
  return { files, directories };
}

function assertNames(rows: readonly (readonly [string, ...unknown[]])[]): void {
  let previous: string | undefined;
  for (const [name] of rows) {
    assertFileName(name);
    if (previous !== undefined && compareNames(previous, name) >= 0) throw unordered(name);
    previous = name;
  }
}

function unordered(name: string): OstreeError {
  return new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `a directory tree names ${JSON.stringify(name)} twice or out of order; run ostree fsck on the repository`,
  );
}
