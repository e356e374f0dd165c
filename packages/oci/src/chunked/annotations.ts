// Where a zstd:chunked layer has its table of contents: annotations of its descriptor, which the manifest's digest covers.
// https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md and
// pkg/chunked/internal/minimal/compression.go there. Writers before containers/storage 1.44 (Debian 12's) and containerd's
// stargz-snapshotter use another prefix for the same keys.
import { type Digest, parseDigest } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';

const prefix = 'io.github.containers.zstd-chunked.';
const oldPrefix = 'io.containers.zstd-chunked.';
/** eStargz: another table, whose digest covers its uncompressed form. */
const stargzDigest = 'containerd.io/snapshot/stargz/toc.digest';
/** "CRFS compatible TOC", the only type there is. */
const manifestType = 1;
/** Keeps what a table makes a host hold in memory far below what a host has; about 250,000 files. */
const maximumCompressedToc = 16 * 1024 * 1024;
const maximumToc = 64 * 1024 * 1024;
/** The skippable frame's magic and length. */
const frameHeaderSize = 8;

/** A piece of a blob that holds compressed data. */
interface CompressedPiece {
  offset: number;
  length: number;
  uncompressedLength: number;
}

export interface ChunkedLocation {
  /** With the digest of its compressed form. */
  toc: CompressedPiece & { digest: Digest };
  tarSplit?: CompressedPiece;
}

/**
 * Where the layer has its table of contents; undefined where it has none that can be used, so that it must be read as a whole.
 * @throws OciError TOC_INVALID where the annotations contradict themselves or the descriptor
 */
export function chunkedLocation(descriptor: Descriptor): ChunkedLocation | undefined {
  const annotations = new Map(Object.entries(descriptor.annotations ?? {}));
  const used = [prefix, oldPrefix].find((candidate) => annotations.has(`${candidate}manifest-checksum`));
  // Two tables could describe two layers. The whole layer has one reading, which its diff-id proves.
  if (used === undefined || annotations.has(stargzDigest)) return undefined;
  const digest = parseDigest(annotations.get(`${used}manifest-checksum`) ?? '');
  const [toc, type] = parsePosition(annotations.get(`${used}manifest-position`), descriptor, true);
  if (type !== manifestType) throw invalid(descriptor, `has a table of contents of the unknown type ${type}`);
  const tarSplitPosition = annotations.get(`${used}tarsplit-position`);
  if (toc.length > maximumCompressedToc || toc.uncompressedLength > maximumToc) return undefined;
  if (tarSplitPosition === undefined) return { toc: { ...toc, digest } };
  const [tarSplit] = parsePosition(tarSplitPosition, descriptor, false);
  return { toc: { ...toc, digest }, tarSplit };
}

/** The annotations of a layer that has its table of contents there. */
export function chunkedAnnotations({ toc, tarSplit }: ChunkedLocation): Record<string, string> {
  return {
    [`${prefix}manifest-checksum`]: toc.digest,
    [`${prefix}manifest-position`]: `${toc.offset}:${toc.length}:${toc.uncompressedLength}:${manifestType}`,
    ...(tarSplit !== undefined && {
      [`${prefix}tarsplit-position`]: `${tarSplit.offset}:${tarSplit.length}:${tarSplit.uncompressedLength}`,
    }),
  };
}

/** The annotations without those that describe a blob which is no longer the descriptor's. */
export function withoutChunkedAnnotations(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([key]) =>
        !key.startsWith(prefix) &&
        !key.startsWith(oldPrefix) &&
        key !== stargzDigest &&
        key !== 'io.containers.estargz.uncompressed-size',
    ),
  );
}

function parsePosition(
  text: string | undefined,
  descriptor: Descriptor,
  withType: boolean,
): [piece: CompressedPiece, type: number] {
  const pattern = withType ? /^(\d{1,15}):(\d{1,15}):(\d{1,15}):(\d{1,3})$/ : /^(\d{1,15}):(\d{1,15}):(\d{1,15})$/;
  const [, offset, length, uncompressedLength, type] = (pattern.exec(text ?? '') ?? []).map(Number);
  if (offset === undefined || length === undefined || uncompressedLength === undefined) {
    throw invalid(descriptor, `has the position ${JSON.stringify(text ?? '').slice(0, 100)}, which is none`);
  }
  if (offset < frameHeaderSize || length === 0 || offset + length > descriptor.size) {
    throw invalid(descriptor, `has a position outside its ${descriptor.size} bytes: ${offset} and ${length} more`);
  }
  return [{ offset, length, uncompressedLength }, type ?? 0];
}

function invalid(descriptor: Descriptor, why: string): OciError {
  return new OciError('TOC_INVALID', `layer ${descriptor.digest} ${why}; build and push the image again`);
}
