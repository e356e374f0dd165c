import { checksumFromBytes, checksumToBytes, type OstreeChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import { array, byteArray, decodeNormal, string, tuple } from '../gvariant.ts';
import { assertFileName, compareNames } from './names.ts';

/** The content of one directory: names with the checksums of what they name. */
export interface DirectoryTree {
  readonly files: ReadonlyMap<string, OstreeChecksum>;
  readonly directories: ReadonlyMap<string, { readonly tree: OstreeChecksum; readonly metadata: OstreeChecksum }>;
}

const codec = tuple<[[string, Uint8Array][], [string, Uint8Array, Uint8Array][]]>(
  array(tuple<[string, Uint8Array]>(string, byteArray)),
  array(tuple<[string, Uint8Array, Uint8Array]>(string, byteArray, byteArray)),
);

/** `(a(say)a(sayay))`: OSTREE_TREE_GVARIANT_FORMAT of ostree-core.h. */
export function encodeDirectoryTree({ files, directories }: DirectoryTree): Uint8Array {
  const fileRows = [...files].map(([name, checksum]): [string, Uint8Array] => [name, checksumToBytes(checksum)]);
  const directoryRows = [...directories].map(([name, { tree, metadata }]): [string, Uint8Array, Uint8Array] => [
    name,
    checksumToBytes(tree),
    checksumToBytes(metadata),
  ]);
  return codec.encode([fileRows.sort(byName), directoryRows.sort(byName)]);
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function decodeDirectoryTree(bytes: Uint8Array): DirectoryTree {
  const [fileRows, directoryRows] = decodeNormal(codec, bytes);
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

function byName(a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]): number {
  return compareNames(a[0], b[0]);
}

function unordered(name: string): OstreeError {
  return new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `a directory tree names ${JSON.stringify(name)} twice or out of order; run ostree fsck on the repository`,
  );
}
