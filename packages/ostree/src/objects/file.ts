// File objects. A file's checksum covers its metadata and content and is the same in every repository mode
// (ostree-core.c, ostree_checksum_file_from_input).
import { createHash, type Hash } from 'node:crypto';
import { type OstreeChecksum, parseChecksum } from '../checksum.ts';
import { string, tuple, uint32BigEndian, uint64BigEndian } from '../gvariant.ts';
import { type Xattrs, xattrPairs, xattrsCodec } from './xattrs.ts';

/** What a file is besides its content: a regular file, or a symbolic link when `linkTarget` is there. */
export interface FileMetadata {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, with setuid, setgid and sticky. Ignored for symbolic links, which always have 0777. */
  readonly mode: number;
  readonly linkTarget?: string | undefined;
  readonly xattrs: Xattrs;
}

type XattrPairs = [Uint8Array, Uint8Array][];

const headerCodec = tuple<[number, number, number, number, string, XattrPairs]>(
  uint32BigEndian,
  uint32BigEndian,
  uint32BigEndian,
  uint32BigEndian,
  string,
  xattrsCodec,
);

const archiveHeaderCodec = tuple<[number, number, number, number, number, string, XattrPairs]>(
  uint64BigEndian,
  uint32BigEndian,
  uint32BigEndian,
  uint32BigEndian,
  uint32BigEndian,
  string,
  xattrsCodec,
);

const regularFile = 0o100000;
const symbolicLink = 0o120000;

/** A hash that has taken the header already; the content of a regular file follows. */
export function createFileHash(metadata: FileMetadata): Hash {
  const { uid, gid, linkTarget = '', xattrs } = metadata;
  const header = headerCodec.encode([uid, gid, modeOf(metadata), 0, linkTarget, xattrPairs(xattrs)]);
  return createHash('sha256').update(framed(header));
}

export function finishFileHash(hash: Hash): OstreeChecksum {
  return parseChecksum(hash.digest('hex'));
}

/** The beginning of a `.filez` object; the content follows as a raw deflate stream. `size` is that of the content. */
export function encodeArchiveHeader(metadata: FileMetadata, size: number): Uint8Array {
  const { uid, gid, linkTarget = '', xattrs } = metadata;
  return framed(archiveHeaderCodec.encode([size, uid, gid, modeOf(metadata), 0, linkTarget, xattrPairs(xattrs)]));
}

function modeOf({ mode, linkTarget }: FileMetadata): number {
  return linkTarget === undefined ? regularFile | (mode & 0o7777) : symbolicLink | 0o777;
}

/** Length of the header, four zero bytes, the header (ostree-core.c, _ostree_write_variant_with_size). */
function framed(header: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header]);
}
