import type { Digest } from '../digest.ts';
import type { Image } from '../image.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';
import type { ImageReference } from '../reference.ts';

interface Waiting {
  signal?: AbortSignal;
}

/** Images by reference, wherever they come from. What each method does and throws: see RegistryClient. */
export interface ImageRegistry extends AsyncDisposable {
  resolve(reference: ImageReference, options?: Waiting): Promise<Descriptor>;
  getImage(reference: ImageReference, options?: Waiting & { platform?: Platform }): Promise<Image>;
  /** The bytes of one manifest or index, as they are. */
  readManifest(reference: ImageReference, options?: Waiting): Promise<Uint8Array>;
  /** Manifests whose subject is `digest`; undefined where the registry cannot tell. */
  listReferrers(reference: ImageReference, digest: Digest, options?: Waiting): Promise<Descriptor[] | undefined>;
  openBlob(reference: ImageReference, descriptor: Descriptor, options?: Waiting): Promise<AsyncIterable<Uint8Array>>;
  openRanges(
    reference: ImageReference,
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    options?: Waiting & { gap?: number },
  ): AsyncIterable<OpenedRange>;
  close(): Promise<void>;
}
