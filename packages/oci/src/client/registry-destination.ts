// The pushing half of https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { type Digest, digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { formatImageReference, type ImageReference } from '../reference.ts';
import type { ImageDestination } from '../transports/destination.ts';
import { verifyContent } from '../verify.ts';
import { backoffDelay, waitFor } from './backoff.ts';
import { connectRegistry, type RegistryClientOptions, type RegistryConnection } from './connection.ts';
import { isRetryableFailure, unreachable } from './failure.ts';
import type { RegistryRequest } from './requester.ts';
import { discard, headerText } from './transport.ts';

/** Writes one image to a registry. Throws OciError: REGISTRY_*, and what reading the blobs throws. */
export class RegistryDestination implements ImageDestination {
  readonly name: string;
  readonly #reference: ImageReference;
  readonly #connection: RegistryConnection;

  constructor(reference: ImageReference, options: RegistryClientOptions = {}) {
    this.name = formatImageReference(reference);
    this.#reference = reference;
    this.#connection = connectRegistry(options, 'pull,push');
  }

  async writeBlob(
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    if (await this.#hasBlob(descriptor, signal)) return false;
    const what = `an upload of blob ${descriptor.digest} to ${this.#repository}`;
    const { policy } = this.#connection;
    for (let failures = 0; ; failures += 1) {
      try {
        await this.#upload(descriptor, open, signal);
        return true;
      } catch (error) {
        signal?.throwIfAborted();
        if (failures + 1 >= policy.attempts || !isRetryableFailure(error)) {
          throw unreachable(this.#reference.registry, what, error);
        }
      }
      await waitFor(backoffDelay(failures, policy, Math.random()), signal);
    }
  }

  async writeManifest(bytes: Uint8Array, mediaType: string, signal?: AbortSignal): Promise<Digest> {
    const digest = digestOf(bytes);
    const answer = await this.#connection.requester.open({
      ...this.#request(`an upload of manifest ${digest} to ${this.name}`, signal),
      method: 'PUT',
      path: `manifests/${this.#reference.tag ?? digest}`,
      headers: { 'content-type': mediaType },
      body: { size: bytes.length, open: () => chunksOf(bytes) },
      accepted: [201, 202],
    });
    await discard(answer.body);
    const told = headerText(answer.headers, 'docker-content-digest');
    if (told === undefined || told === digest) return digest;
    throw new OciError(
      'DIGEST_MISMATCH',
      `${this.name} should be ${digest} and the registry calls it ${told.slice(0, 80)}; check the registry`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.transport.close();
  }

  get #repository(): string {
    return `${this.#reference.registry}/${this.#reference.repository}`;
  }

  async #hasBlob(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    const answer = await this.#connection.requester.open({
      ...this.#request(`blob ${descriptor.digest} of ${this.#repository}`, signal),
      method: 'HEAD',
      path: `blobs/${descriptor.digest}`,
      accepted: [404],
    });
    await discard(answer.body);
    return answer.status === 200;
  }

  /** One upload, in one piece. What a broken one left is the registry's to clean up. */
  async #upload(
    descriptor: Descriptor,
    open: () => AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { requester } = this.#connection;
    const what = `an upload of blob ${descriptor.digest} to ${this.#repository}`;
    const started = await requester.once({
      ...this.#request(what, signal),
      method: 'POST',
      path: 'blobs/uploads/',
      body: { size: 0, open: () => chunksOf(new Uint8Array()) },
      accepted: [202],
    });
    await discard(started.body);
    const location = this.#uploadUrl(headerText(started.headers, 'location'), started.url, what);
    location.searchParams.set('digest', descriptor.digest);
    const finished = await requester.once({
      ...this.#request(what, signal),
      method: 'PUT',
      path: location,
      headers: { 'content-type': 'application/octet-stream' },
      body: { size: descriptor.size, open: () => verifyContent(open(), descriptor, `blob ${descriptor.digest}`) },
      accepted: [201, 204],
    });
    await discard(finished.body);
  }

  #uploadUrl(location: string | undefined, base: URL, what: string): URL {
    const url = location === undefined ? null : URL.parse(location, base);
    if (url !== null && url.protocol === base.protocol && url.username === '' && url.password === '') return url;
    throw new OciError(
      'REGISTRY_PROTOCOL',
      `${this.#reference.registry} does not say where to send ${what}; check the registry`,
    );
  }

  #request(
    what: string,
    signal: AbortSignal | undefined,
  ): Pick<RegistryRequest, 'reference' | 'what' | 'headers' | 'signal'> {
    return { reference: this.#reference, what, headers: {}, signal };
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes;
}
