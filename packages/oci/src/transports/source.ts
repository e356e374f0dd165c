import type { ImageDocuments } from '../image.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';

/** One image where it is kept, in a registry or on a disk. */
export interface ImageSource extends AsyncDisposable {
  /** As a user writes it. */
  readonly name: string;
  /** The image; of an index, the one for `platform` (default: this machine's). */
  getImage(options?: { platform?: Platform; signal?: AbortSignal }): Promise<ImageDocuments>;
  /** The bytes of a layer. Size and digest are verified at the end. */
  openBlob(descriptor: Descriptor, options?: { signal?: AbortSignal }): Promise<AsyncIterable<Uint8Array>>;
  /** Pieces of a layer, as `OpenRanges` has them. */
  openRanges(descriptor: Descriptor, ranges: readonly BlobRange[], signal?: AbortSignal): AsyncIterable<OpenedRange>;
}
