import type { ImageRegistry } from '../client/image-registry.ts';
import type { ImageDocuments } from '../image.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';
import { formatImageReference, type ImageReference } from '../reference.ts';
import type { ImageSource } from './source.ts';

/** An image in a registry; closes the client. */
export class RegistrySource implements ImageSource {
  readonly name: string;
  readonly #client: ImageRegistry;
  readonly #reference: ImageReference;

  constructor(client: ImageRegistry, reference: ImageReference) {
    this.name = formatImageReference(reference);
    this.#client = client;
    this.#reference = reference;
  }

  async getImage(options: { platform?: Platform; signal?: AbortSignal } = {}): Promise<ImageDocuments> {
    return this.#client.getImage(this.#reference, options);
  }

  async openBlob(descriptor: Descriptor, options: { signal?: AbortSignal } = {}): Promise<AsyncIterable<Uint8Array>> {
    return this.#client.openBlob(this.#reference, descriptor, options);
  }

  openRanges(descriptor: Descriptor, ranges: readonly BlobRange[], signal?: AbortSignal): AsyncIterable<OpenedRange> {
    return this.#client.openRanges(this.#reference, descriptor, ranges, signal && { signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}
