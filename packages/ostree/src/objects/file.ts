// File objects. A file's checksum covers its metadata and content and is the same in every repository mode
// (ostree-core.c, ostree_checksum_file_from_input).
import { createHash, type Hash } from 'node:crypto';
import { type OstreeChecksum, parseChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import { decodeNormal, string, tuple, uint32BigEndian, uint64BigEndian } from '../gvariant.ts';
import { type Xattrs, xattrPairs, xattrsCodec, xattrsOf } from './xattrs.ts';

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
/** Length of the header and four zero bytes (ostree-core.c, _ostree_write_variant_with_size). */
const framingSize = 8;

/** What is hashed before the content; of a symbolic link, all of it. */
export function encodeFileHeader(metadata: FileMetadata): Uint8Array {
  const { uid, gid, linkTarget = '', xattrs } = metadata;
  return framed(headerCodec.encode([uid, gid, modeOf(metadata), 0, linkTarget, xattrPairs(xattrs)]));
}

/** A hash that has taken the header already; the content of a regular file follows. */
export function createFileHash(metadata: FileMetadata): Hash {
  return createHash('sha256').update(encodeFileHeader(metadata));
}

export function finishFileHash(hash: Hash): OstreeChecksum {
  return parseChecksum(hash.digest('hex'));
}

/** The beginning of a `.filez` object; the content follows as a raw deflate stream. `size` is that of the content. */
export function encodeArchiveHeader(metadata: FileMetadata, size: number): Uint8Array {
  const { uid, gid, linkTarget = '', xattrs } = metadata;
  return framed(archiveHeaderCodec.encode([size, uid, gid, modeOf(metadata), 0, linkTarget, xattrPairs(xattrs)]));
}

/**
 * Reads the beginning of a `.filez` object: what `encodeArchiveHeader` writes, and where it ends.
 * @throws OstreeError OSTREE_OBJECT_INVALID
 */
export function decodeArchiveHeader(bytes: Uint8Array): { metadata: FileMetadata; size: number; length: number } {
  const length = bytes.length < 8 ? Number.NaN : framingSize + Buffer.from(bytes).readUInt32BE(0);
  if (!(length <= bytes.length)) throw invalid('its header is cut off');
  const [size, uid, gid, mode, , linkTarget, xattrs] = decodeNormal(
    archiveHeaderCodec,
    bytes.subarray(framingSize, length),
  );
  const type = mode & ~0o7777;
  if (type !== regularFile && type !== symbolicLink) throw invalid('it is neither a file nor a symbolic link');
  return {
    metadata: {
      uid,
      gid,
      mode: mode & 0o7777,
      xattrs: xattrsOf(xattrs),
      ...(type === symbolicLink && { linkTarget }),
    },
    size,
    length,
  };
}

function modeOf({ mode, linkTarget }: FileMetadata): number {
  return linkTarget === undefined ? regularFile | (mode & 0o7777) : symbolicLink | 0o777;
}

function framed(header: Uint8Array): Uint8Array {
  const length = Buffer.alloc(framingSize);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header]);
}

function invalid(why: string): OstreeError {
  return new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `a file object is not valid: ${why}; run ostree fsck on the repository`,
  );
}
