import type { Descriptor } from '../manifest.ts';

/** A piece of a blob. */
export interface BlobRange {
  offset: number;
  length: number;
}

/** A piece of a blob as it comes. Its bytes are readable once, and only until the next piece is asked for. */
export interface OpenedRange {
  offset: number;
  bytes: AsyncIterable<Uint8Array>;
}

/**
 * Gives pieces of a blob, each as it was asked for. The ranges must be in ascending order and must not overlap; they come in
 * that order. Nothing of them is verified: who asks has a digest for what they hold.
 * Throws OciError RANGES_UNSUPPORTED where only the whole blob can be had, and what reading a blob throws.
 */
export type OpenRanges = (
  descriptor: Descriptor,
  ranges: readonly BlobRange[],
  signal: AbortSignal | undefined,
) => AsyncIterable<OpenedRange>;
