import { OstreeError } from '../error.ts';
import { decodeNormal, tuple, uint32BigEndian } from '../gvariant.ts';
import { type Xattrs, xattrPairs, xattrsCodec, xattrsOf } from './xattrs.ts';

/** Owner, permissions and extended attributes of a directory. */
export interface DirectoryMetadata {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  readonly xattrs: Xattrs;
}

const codec = tuple<[number, number, number, [Uint8Array, Uint8Array][]]>(
  uint32BigEndian,
  uint32BigEndian,
  uint32BigEndian,
  xattrsCodec,
);

const directory = 0o040000;

/** `(uuua(ayay))`: OSTREE_DIRMETA_GVARIANT_FORMAT of ostree-core.h. */
export function encodeDirectoryMetadata({ uid, gid, mode, xattrs }: DirectoryMetadata): Uint8Array {
  return codec.encode([uid, gid, directory | (mode & 0o7777), xattrPairs(xattrs)]);
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function decodeDirectoryMetadata(bytes: Uint8Array): DirectoryMetadata {
  const [uid, gid, mode, xattrs] = decodeNormal(codec, bytes);
  if ((mode & ~0o7777) !== directory) {
    throw new OstreeError('OSTREE_OBJECT_INVALID', 'the metadata of a directory has the type of something else');
  }
  return { uid, gid, mode: mode & 0o7777, xattrs: xattrsOf(xattrs) };
}

/** What a directory gets that exists only because something lies in it. */
export const defaultDirectoryMetadata: DirectoryMetadata = { uid: 0, gid: 0, mode: 0o755, xattrs: new Map() };
