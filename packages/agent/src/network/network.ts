// What the root's side of a host needs of the network: bytes, by a name that says what they must be. It trusts none of
// them, and in a helper process has no network of its own: then the other side of its socket brings them.
import type { Digest, ImageReference, ImageSignatures, ImageSource, RegistryClientOptions } from '@varve/oci';
import type { Identity } from '../enroll/identity.ts';

export interface Network {
  /** An image of a registry. Who reads its documents and layers checks them. */
  openImage(reference: ImageReference, signal: AbortSignal): Promise<ImageSource>;
  /** Signatures of an image that has these digests (its manifest, the index that holds it), as its registry has them. */
  fetchSignatures(reference: ImageReference, digests: readonly Digest[], signal: AbortSignal): Promise<ImageSignatures>;
  /** The bytes behind an http or https URL, as they come. */
  download(url: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** This process's own. */
export class OwnNetwork implements Network {
  readonly #identity: () => Promise<Identity | undefined>;
  readonly #registry: RegistryClientOptions | undefined;

  constructor(identity: () => Promise<Identity | undefined>, registry: RegistryClientOptions | undefined) {
    this.#identity = identity;
    this.#registry = registry;
  }

  async openImage(reference: ImageReference): Promise<ImageSource> {
    // A host at rest asks no registry, and has no need of what that takes.
    const { openRegistryImage } = await import('./registry.ts');
    return await openRegistryImage(reference, await this.#identity(), this.#registry);
  }

  async fetchSignatures(
    reference: ImageReference,
    digests: readonly Digest[],
    signal: AbortSignal,
  ): Promise<ImageSignatures> {
    const { fetchRegistrySignatures } = await import('./registry.ts');
    return await fetchRegistrySignatures(reference, digests, await this.#identity(), this.#registry, signal);
  }

  async *download(url: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    yield* response.body;
  }
}
