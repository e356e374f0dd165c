// The network of a process that has none: the other side of the helper's socket brings the bytes, and nothing of what it
// brings is believed. Manifests, configurations and layers are held to their digests here, pieces of layers and files
// behind URLs where they are used.
import {
  type BlobRange,
  type Descriptor,
  type Digest,
  formatImageReference,
  type ImageDocuments,
  type ImageReference,
  type ImageSignatures,
  type ImageSource,
  imageSignaturesSchema,
  type OpenedRange,
  readVerifiedImage,
  verifyContent,
} from '@varve/oci';
import { AgentError } from '../error.ts';
import type { Network } from '../network/network.ts';
import type { Channel } from './channel.ts';
import { splitRanges } from './split-ranges.ts';

/** Of the JSON of all signatures of an image. */
const maximumSignaturesSize = 64 * 1024 * 1024;

export class LentNetwork implements Network {
  #channel: Channel | undefined;

  /** The side that lends from now on; undefined when it is gone. */
  use(channel: Channel | undefined): void {
    this.#channel = channel;
  }

  async openImage(reference: ImageReference): Promise<ImageSource> {
    return new LentImage(this.#lender(), reference);
  }

  /** Whatever comes is held to the policy, and may be of another image, or nothing. */
  async fetchSignatures(
    reference: ImageReference,
    digests: readonly Digest[],
    signal: AbortSignal,
  ): Promise<ImageSignatures> {
    const image = formatImageReference(reference);
    const bytes = this.#lender().open('signatures', { image, digests }, signal);
    const text = Buffer.from(await readAtMost(bytes, maximumSignaturesSize, `signatures of ${image}`)).toString('utf8');
    return parseSignatures(text, image);
  }

  download(url: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#lender().open('download', { url }, signal);
  }

  #lender(): Channel {
    if (this.#channel) return this.#channel;
    throw new AgentError('HELPER_UNREACHABLE', 'the agent that asked for this is gone; it is done when it asks again');
  }
}

class LentImage implements ImageSource {
  readonly name: string;
  readonly #channel: Channel;
  readonly #digest: Digest | undefined;

  constructor(channel: Channel, reference: ImageReference) {
    this.name = formatImageReference(reference);
    this.#channel = channel;
    this.#digest = reference.digest;
  }

  async getImage({ signal = new AbortController().signal } = {}): Promise<ImageDocuments> {
    if (!this.#digest) throw new AgentError('CONFIG_UNSUPPORTED', `the image ${this.name} has no digest`);
    return await readVerifiedImage(this.#digest, async (kind, digest, limit) => {
      const verb = kind === 'manifest' ? 'manifest' : 'blob';
      const bytes = this.#channel.open(verb, { image: this.name, digest, size: limit }, signal);
      return await readAtMost(bytes, limit, `${kind} ${digest}`);
    });
  }

  async openBlob(descriptor: Descriptor, { signal = new AbortController().signal } = {}) {
    const { digest, size } = descriptor;
    const bytes = this.#channel.open('blob', { image: this.name, digest, size }, signal);
    return verifyContent(bytes, descriptor, `blob ${digest} of ${this.name}`);
  }

  openRanges(
    { digest, size }: Descriptor,
    ranges: readonly BlobRange[],
    signal = new AbortController().signal,
  ): AsyncIterable<OpenedRange> {
    const wanted = ranges.map(({ offset, length }) => [offset, length]);
    const bytes = this.#channel.open('ranges', { image: this.name, digest, size, ranges: wanted }, signal);
    return splitRanges(bytes, ranges, `blob ${digest} of ${this.name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function readAtMost(bytes: AsyncIterable<Uint8Array>, limit: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > limit) throw new AgentError('HELPER_REFUSED', `the ${what} has more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseSignatures(text: string, image: string): ImageSignatures {
  try {
    return imageSignaturesSchema.parse(JSON.parse(text));
  } catch (cause) {
    const message = `what the agent gives for signatures of ${image} is none; install agent and helper of one version`;
    throw new AgentError('HELPER_REFUSED', message, { cause });
  }
}
