// The network side's half of a lent network: answers what the helper asks for while it stages.
import { fetchSignatures, type ImageReference, type ImageRegistry, isDigest, parseImageReference } from '@varve/oci';
import * as z from 'zod';
import { AgentError } from '../error.ts';
import type { Network } from '../network/network.ts';
import { type Answer, ByteStream } from './channel.ts';

/** Registries by reference, with the host's credentials. */
export type ConnectRegistry = (reference: ImageReference) => Promise<ImageRegistry>;

const digest = z.string().refine(isDigest);
const blobSchema = z.object({ image: z.string(), digest, size: z.int().min(0) });
const rangesSchema = blobSchema.extend({ ranges: z.array(z.tuple([z.int().min(0), z.int().min(1)])) });
const signaturesSchema = z.object({ image: z.string(), digests: z.array(digest).max(2) });
const downloadSchema = z.object({ url: z.url({ protocol: /^https?$/ }) });
/** What a descriptor is for is known to who asks; fetching needs digest and size. */
const mediaType = 'application/octet-stream';

export class Lender implements AsyncDisposable {
  readonly #connect: ConnectRegistry;
  readonly #network: Pick<Network, 'download'>;
  /** One connection serves all layers of an image. */
  readonly #registries = new Map<string, Promise<ImageRegistry>>();

  constructor(connect: ConnectRegistry, network: Pick<Network, 'download'>) {
    this.#connect = connect;
    this.#network = network;
  }

  readonly answer: Answer = async (verb, params, { signal }) => {
    switch (verb) {
      case 'manifest': {
        const { image, digest } = blobSchema.parse(params);
        const { registry, reference } = await this.#open(image);
        return new ByteStream(once(await registry.readManifest({ ...reference, digest }, { signal })));
      }
      case 'blob': {
        const { image, digest, size } = blobSchema.parse(params);
        const { registry, reference } = await this.#open(image);
        return new ByteStream(await registry.openBlob(reference, { mediaType, digest, size }, { signal }));
      }
      case 'ranges': {
        const { image, digest, size, ranges } = rangesSchema.parse(params);
        const { registry, reference } = await this.#open(image);
        const wanted = ranges.map(([offset, length]) => ({ offset, length }));
        const pieces = registry.openRanges(reference, { mediaType, digest, size }, wanted, { signal });
        return new ByteStream(joined(pieces));
      }
      case 'signatures': {
        const { image, digests } = signaturesSchema.parse(params);
        const { registry, reference } = await this.#open(image);
        const signatures = await fetchSignatures(registry, reference, digests, { signal });
        return new ByteStream(once(Buffer.from(JSON.stringify(signatures))));
      }
      case 'download':
        return new ByteStream(this.#network.download(downloadSchema.parse(params).url, signal));
      default:
        throw new AgentError('HELPER_REFUSED', `the agent lends no ${verb}; install agent and helper of one version`);
    }
  };

  /** Lets go of its connections: the host's certificate and credentials are others when images are next asked for. */
  async rest(): Promise<void> {
    const registries = [...this.#registries.values()];
    this.#registries.clear();
    for (const registry of registries) await registry.then((open) => open.close()).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rest();
  }

  async #open(image: string): Promise<{ registry: ImageRegistry; reference: ImageReference }> {
    const { tag: _, ...reference } = parseImageReference(image);
    const key = `${reference.registry}/${reference.repository}`;
    const open = this.#registries.get(key) ?? this.#connect(reference);
    this.#registries.set(key, open);
    try {
      return { registry: await open, reference };
    } catch (error) {
      // What was wrong with the host's credentials may be put right.
      if (this.#registries.get(key) === open) this.#registries.delete(key);
      throw error;
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function* joined(
  pieces: AsyncIterable<{ bytes: AsyncIterable<Uint8Array> }>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { bytes } of pieces) yield* bytes;
}
