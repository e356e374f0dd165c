import type { Digest } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';

/** Where an image is written: blobs first, then the manifest that names them. */
export interface ImageDestination extends AsyncDisposable {
  /** As a user writes it. */
  readonly name: string;
  /**
   * Writes a blob unless it is there. `open` gives its bytes, from the beginning each time; they are verified.
   * Returns false where it was there.
   */
  writeBlob(descriptor: Descriptor, open: () => AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<boolean>;
  /** Writes the manifest, and gives it the destination's tag if there is one. Returns its digest. */
  writeManifest(bytes: Uint8Array, mediaType: string, signal?: AbortSignal): Promise<Digest>;
}
