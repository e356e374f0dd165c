import { checksumFromBytes, checksumToBytes, type OstreeChecksum } from '../checksum.ts';
import {
  array,
  byteArray,
  decodeNormal,
  fromVariant,
  string,
  toVariant,
  tuple,
  uint64BigEndian,
  type Variant,
  variant,
} from '../gvariant.ts';

export interface Commit {
  /** In the order in which it is written: the order is part of the checksum. */
  readonly metadata: ReadonlyMap<string, Variant>;
  readonly parent?: OstreeChecksum | undefined;
  readonly subject: string;
  readonly body: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly tree: OstreeChecksum;
  readonly treeMetadata: OstreeChecksum;
}

type Related = [string, Uint8Array];

const codec = tuple<[[string, Variant][], Uint8Array, Related[], string, string, number, Uint8Array, Uint8Array]>(
  array(tuple<[string, Variant]>(string, variant)),
  byteArray,
  array(tuple<Related>(string, byteArray)),
  string,
  string,
  uint64BigEndian,
  byteArray,
  byteArray,
);

const strings = array(string);

/** `(a{sv}aya(say)sstayay)`: OSTREE_COMMIT_GVARIANT_FORMAT of ostree-core.h. */
export function encodeCommit(commit: Commit): Uint8Array {
  return codec.encode([
    [...commit.metadata],
    commit.parent === undefined ? new Uint8Array() : checksumToBytes(commit.parent),
    [],
    commit.subject,
    commit.body,
    commit.timestamp,
    checksumToBytes(commit.tree),
    checksumToBytes(commit.treeMetadata),
  ]);
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function decodeCommit(bytes: Uint8Array): Commit {
  const [metadata, parent, , subject, body, timestamp, tree, treeMetadata] = decodeNormal(codec, bytes);
  return {
    metadata: new Map(metadata),
    parent: parent.length === 0 ? undefined : checksumFromBytes(parent),
    subject,
    body,
    timestamp,
    tree: checksumFromBytes(tree),
    treeMetadata: checksumFromBytes(treeMetadata),
  };
}

export function metadataString(commit: Pick<Commit, 'metadata'>, key: string): string | undefined {
  return fromVariant(string, commit.metadata.get(key));
}

export function metadataStrings(commit: Pick<Commit, 'metadata'>, key: string): string[] | undefined {
  return fromVariant(strings, commit.metadata.get(key));
}

export function stringVariant(value: string): Variant {
  return toVariant(string, value);
}

export function stringsVariant(values: string[]): Variant {
  return toVariant(strings, values);
}
