// A registry as registries.conf has it: mirrors first, then the place itself. Digests are the same everywhere, so that no
// mirror has to be trusted for more than tags.
import type { Digest } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Image } from '../image.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';
import { formatImageReference, type ImageReference } from '../reference.ts';
import { type Endpoint, imageEndpoints } from '../registries/endpoints.ts';
import type { RegistriesConf } from '../registries/registries-conf.ts';
import type { RegistryClientOptions } from './connection.ts';
import type { ImageRegistry } from './image-registry.ts';
import { RegistryClient } from './registry-client.ts';
import { answersHttps } from './transport.ts';

interface Waiting {
  signal?: AbortSignal;
}

/** One that does not answer is not waited for long, where another one may. */
const mirrorRetry = { attempts: 2, firstDelay: 500 };

export class MirroredRegistry implements ImageRegistry {
  readonly #conf: RegistriesConf;
  readonly #options: RegistryClientOptions;
  readonly #clients = new Map<string, Promise<RegistryClient>>();
  /** Which endpoint gave something last, by image. */
  readonly #preferred = new Map<string, string>();

  constructor(conf: RegistriesConf, options: RegistryClientOptions = {}) {
    this.#conf = conf;
    this.#options = options;
  }

  async resolve(reference: ImageReference, options: Waiting = {}): Promise<Descriptor> {
    return this.#first(reference, options.signal, (client, at) => client.resolve(at, options));
  }

  async getImage(reference: ImageReference, options: Waiting & { platform?: Platform } = {}): Promise<Image> {
    const image = await this.#first(reference, options.signal, (client, at) => client.getImage(at, options));
    return { ...image, reference };
  }

  async readManifest(reference: ImageReference, options: Waiting = {}): Promise<Uint8Array> {
    return this.#first(reference, options.signal, (client, at) => client.readManifest(at, options));
  }

  async listReferrers(
    reference: ImageReference,
    digest: Digest,
    options: Waiting = {},
  ): Promise<Descriptor[] | undefined> {
    return this.#first(reference, options.signal, (client, at) => client.listReferrers(at, digest, options));
  }

  async openBlob(
    reference: ImageReference,
    descriptor: Descriptor,
    options: Waiting = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    return this.#first(reference, options.signal, (client, at) => client.openBlob(at, descriptor, options));
  }

  async *openRanges(
    reference: ImageReference,
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    options: Waiting & { gap?: number } = {},
  ): AsyncGenerator<OpenedRange, void, undefined> {
    let hasGiven = false;
    const failures: unknown[] = [];
    for (const endpoint of this.#endpoints(reference)) {
      const client = await this.#client(endpoint);
      try {
        for await (const range of client.openRanges(endpoint.reference, descriptor, ranges, options)) {
          hasGiven = true;
          yield range;
        }
        return;
      } catch (error) {
        options.signal?.throwIfAborted();
        failures.push(error);
        // Whoever reads a piece cannot begin it again elsewhere.
        if (hasGiven) throw error;
      }
    }
    // Of one that has no ranges, the whole blob can be had.
    throw failures.find((error) => error instanceof OciError && error.code === 'RANGES_UNSUPPORTED') ?? failures.at(-1);
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await (await client).close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What the first endpoint gives that gives something; else the error of the last one. */
  async #first<T>(
    reference: ImageReference,
    signal: AbortSignal | undefined,
    ask: (client: RegistryClient, at: ImageReference) => Promise<T>,
  ): Promise<T> {
    let failure: unknown;
    for (const endpoint of this.#endpoints(reference)) {
      try {
        const answer = await ask(await this.#client(endpoint), endpoint.reference);
        this.#preferred.set(formatImageReference(reference), formatImageReference(endpoint.reference));
        return answer;
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  #endpoints(reference: ImageReference): Endpoint[] {
    const endpoints = imageEndpoints(this.#conf, reference);
    const preferred = this.#preferred.get(formatImageReference(reference));
    const isPreferred = (endpoint: Endpoint): boolean => formatImageReference(endpoint.reference) === preferred;
    return [...endpoints.filter(isPreferred), ...endpoints.filter((endpoint) => !isPreferred(endpoint))];
  }

  async #client(endpoint: Endpoint): Promise<RegistryClient> {
    const key = JSON.stringify([endpoint.reference.registry, endpoint.insecure, endpoint.isMirror]);
    const client = this.#clients.get(key) ?? this.#connect(endpoint);
    this.#clients.set(key, client);
    return client;
  }

  async #connect(endpoint: Endpoint): Promise<RegistryClient> {
    const patience = endpoint.isMirror ? { retry: mirrorRetry } : {};
    return new RegistryClient(await endpointOptions(endpoint, { ...patience, ...this.#options }));
  }
}

/** How an endpoint is reached: an insecure one by HTTPS if it speaks that, whatever its certificate. */
export async function endpointOptions(
  { reference, insecure }: Endpoint,
  options: RegistryClientOptions,
): Promise<RegistryClientOptions> {
  if (!insecure || options.insecure) return options;
  return (await answersHttps(reference.registry)) ? { ...options, verify: false } : { ...options, insecure: true };
}
