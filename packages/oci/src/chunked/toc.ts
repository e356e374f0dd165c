import type { Digest } from '../digest.ts';
import type { TarEntryMetadata } from '../tar/entry.ts';

/** The table of contents of a zstd:chunked layer: what a tar reader would tell about it, and where each content is. */
export interface Toc {
  /** In the order of the archive. */
  entries: readonly TocEntry[];
  /** Digest of the compressed tar-split data, which rebuild the archive's headers; absent from old writers. */
  tarSplitDigest?: Digest;
}

export interface TocEntry extends TarEntryMetadata {
  /** Of the whole content; only files have it. */
  digest?: Digest;
  /** The parts of a file's content, one after another; none where the file is empty. */
  chunks: readonly TocChunk[];
}

/** Part of a file: a zstd frame of its own. */
export interface TocChunk {
  /** Of the frame in the blob. */
  offset: number;
  compressedSize: number;
  /** Of the part in the file. */
  uncompressedOffset: number;
  size: number;
  /** Of the part; absent where the file has no other. */
  digest?: Digest;
}
