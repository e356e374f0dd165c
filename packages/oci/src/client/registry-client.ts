// The pulling half of https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { type Digest, digestOf, isDigest } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Image } from '../image.ts';
import { checkConfigDescriptor, checkImageConfig } from '../image-check.ts';
import {
  type Descriptor,
  type ImageIndex,
  isImageIndex,
  type Manifest,
  maximumManifestSize,
  type Platform,
  parseManifest,
} from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { choosePlatform, hostPlatform } from '../platform.ts';
import { coalesceRanges } from '../ranges/coalesce.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';
import { splitPieces } from '../ranges/split.ts';
import { formatImageReference, type ImageReference } from '../reference.ts';
import { verifyContent } from '../verify.ts';
import { connectRegistry, type RegistryClientOptions, type RegistryConnection } from './connection.ts';
import { download } from './download.ts';
import type { ImageRegistry } from './image-registry.ts';
import { downloadRanges, type RangeSupport, rangeRefusals } from './range-download.ts';
import { listReferrers } from './referrers.ts';
import { type Answer, discard, headerText } from './transport.ts';

interface Waiting {
  signal?: AbortSignal;
}

interface FetchedManifest {
  bytes: Uint8Array;
  digest: Digest;
  document: Manifest | ImageIndex;
}

const acceptManifests = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerIndex,
  mediaTypes.dockerManifest,
].join(', ');
/** What servers say that do not know a manifest's type; the document itself tells then. */
const vagueTypes: readonly string[] = ['application/json', 'application/octet-stream', 'text/plain'];

/**
 * Reads images from registries. Everything it returns with a digest was verified against it. Requests are tried again, with
 * back-off, while connections break or the registry asks to wait; a blob goes on where it broke off.
 */
export class RegistryClient implements ImageRegistry {
  readonly #connection: RegistryConnection;
  /** What is known of each registry. */
  readonly #rangeSupport = new Map<string, RangeSupport>();

  constructor(options: RegistryClientOptions = {}) {
    this.#connection = connectRegistry(options, 'pull');
  }

  /**
   * What a reference names now: the descriptor of a manifest or an index.
   * @throws OciError IMAGE_NOT_FOUND, REGISTRY_*, DIGEST_MISMATCH, IMAGE_MANIFEST_INVALID
   */
  async resolve(reference: ImageReference, { signal }: Waiting = {}): Promise<Descriptor> {
    const described = await this.#describe(reference, signal);
    if (described !== undefined) return described;
    const { bytes, digest, document } = await this.#fetchManifest(reference, undefined, signal);
    return { mediaType: document.mediaType, digest, size: bytes.length };
  }

  /**
   * The image that a reference names: of an index, the one for `platform` (default: this machine's).
   * @throws OciError IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, REGISTRY_*, *_MISMATCH, IMAGE_MANIFEST_INVALID, IMAGE_CONFIG_INVALID
   */
  async getImage(reference: ImageReference, options: Waiting & { platform?: Platform } = {}): Promise<Image> {
    const { signal, platform } = options;
    const { digest, bytes, manifest } = await this.#chooseManifest(reference, platform, signal);
    const what = `${name(reference)} (${digest})`;
    const configBytes = await this.#fetchConfig(reference, manifest, what, signal);
    const config = checkImageConfig(configBytes, manifest, platform, what);
    return { reference, manifest, manifestDigest: digest, manifestBytes: bytes, config, configBytes };
  }

  /**
   * One manifest or index, which is not taken apart: of an index, no image is chosen.
   * @throws OciError IMAGE_NOT_FOUND, REGISTRY_*, DIGEST_MISMATCH, IMAGE_MANIFEST_INVALID
   */
  async readManifest(reference: ImageReference, { signal }: Waiting = {}): Promise<Uint8Array> {
    return (await this.#fetchManifest(reference, undefined, signal)).bytes;
  }

  /**
   * Manifests whose subject is `digest`; undefined where the registry cannot tell.
   * @throws OciError REGISTRY_*, IMAGE_MANIFEST_INVALID
   */
  async listReferrers(
    reference: ImageReference,
    digest: Digest,
    { signal }: Waiting = {},
  ): Promise<Descriptor[] | undefined> {
    return listReferrers(this.#connection.requester, reference, digest, signal);
  }

  /**
   * The bytes of a layer or another blob. Iterate the result, or abort: it holds a connection. Size and digest are verified
   * at the end; use nothing of it before the iteration ended without an error.
   * @throws OciError IMAGE_NOT_FOUND, REGISTRY_*; while iterating also SIZE_MISMATCH, DIGEST_MISMATCH
   */
  async openBlob(
    reference: ImageReference,
    descriptor: Descriptor,
    { signal }: Waiting = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const what = `blob ${descriptor.digest} of ${reference.registry}/${reference.repository}`;
    const open = (offset: number): Promise<Answer> =>
      this.#connection.requester.open({
        reference,
        method: 'GET',
        path: `blobs/${descriptor.digest}`,
        what,
        headers: { 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) },
        signal,
      });
    const first = await open(0);
    const bytes = download(first, {
      registry: reference.registry,
      what,
      size: descriptor.size,
      policy: this.#connection.policy,
      signal,
      open,
    });
    return verifyContent(bytes, descriptor, what);
  }

  /**
   * Pieces of a blob, in ascending order and as they were asked for; ranges that lie near each other (`gap`, bytes) are
   * fetched as one. Nothing of them is verified. Each piece must be read before the next one is asked for.
   * @throws OciError while iterating: RANGES_UNSUPPORTED where the registry gives only whole blobs, IMAGE_NOT_FOUND, REGISTRY_*
   */
  async *openRanges(
    reference: ImageReference,
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
    { signal, gap }: Waiting & { gap?: number } = {},
  ): AsyncGenerator<OpenedRange, void, undefined> {
    const { registry } = reference;
    const what = `blob ${descriptor.digest} of ${registry}/${reference.repository}`;
    const support = this.#rangeSupport.get(registry) ?? {};
    this.#rangeSupport.set(registry, support);
    const pieces = downloadRanges({
      ...{ registry, what, support, signal, policy: this.#connection.policy },
      ranges: coalesceRanges(ranges, gap),
      open: (range, requestSignal) =>
        this.#connection.requester.open({
          ...{ reference, what, method: 'GET', path: `blobs/${descriptor.digest}`, signal: requestSignal },
          headers: { 'accept-encoding': 'identity', range },
          accepted: rangeRefusals,
        }),
    });
    yield* splitPieces(pieces, ranges);
  }

  async close(): Promise<void> {
    await this.#connection.transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What the headers of a HEAD answer say; undefined where they do not say all. */
  async #describe(reference: ImageReference, signal: AbortSignal | undefined): Promise<Descriptor | undefined> {
    const answer = await this.#connection.requester.open({
      reference,
      method: 'HEAD',
      path: `manifests/${reference.digest ?? reference.tag ?? 'latest'}`,
      what: `manifest ${name(reference)}`,
      headers: { accept: acceptManifests },
      signal,
    });
    await discard(answer.body);
    const mediaType = headerText(answer.headers, 'content-type')?.split(';')[0]?.trim();
    const digest = headerText(answer.headers, 'docker-content-digest') ?? reference.digest;
    const size = headerText(answer.headers, 'content-length');
    if (mediaType === undefined || vagueTypes.includes(mediaType) || digest === undefined || !isDigest(digest))
      return undefined;
    if (size === undefined || !/^[0-9]{1,8}$/.test(size) || size === '0') return undefined;
    checkDigest(digest, reference.digest, name(reference));
    return { mediaType, digest, size: Number(size) };
  }

  async #chooseManifest(
    reference: ImageReference,
    platform: Platform | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ digest: Digest; bytes: Uint8Array; manifest: Manifest }> {
    const { digest, bytes, document } = await this.#fetchManifest(reference, undefined, signal);
    if (!isImageIndex(document)) return { digest, bytes, manifest: document };
    const chosen = choosePlatform(document, platform ?? hostPlatform(process.arch), `${name(reference)} (${digest})`);
    const child = await this.#fetchManifest({ ...reference, digest: chosen.digest }, chosen, signal);
    if (!isImageIndex(child.document)) return { digest: child.digest, bytes: child.bytes, manifest: child.document };
    throw new OciError(
      'IMAGE_MANIFEST_INVALID',
      `${name(reference)} is an index of indexes; push an image or an index of images`,
    );
  }

  async #fetchManifest(
    reference: ImageReference,
    descriptor: Descriptor | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FetchedManifest> {
    const what = `manifest ${name(reference)}`;
    const { bytes, headers } = await this.#connection.requester.read(
      {
        reference,
        method: 'GET',
        path: `manifests/${reference.digest ?? reference.tag ?? 'latest'}`,
        what,
        headers: { accept: descriptor?.mediaType ?? acceptManifests },
        signal,
      },
      maximumManifestSize,
    );
    const digest = digestOf(bytes);
    checkDigest(digest, reference.digest ?? headerText(headers, 'docker-content-digest'), what);
    if (descriptor !== undefined && descriptor.size !== bytes.length) {
      throw new OciError(
        'SIZE_MISMATCH',
        `${what} should have ${descriptor.size} bytes and has ${bytes.length}; push the index again`,
      );
    }
    const announced = descriptor?.mediaType ?? headerText(headers, 'content-type')?.split(';')[0]?.trim();
    const mediaType = announced !== undefined && vagueTypes.includes(announced) ? undefined : announced;
    return { bytes, digest, document: parseManifest(bytes, mediaType) };
  }

  async #fetchConfig(
    reference: ImageReference,
    manifest: Manifest,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const { mediaType, size, digest } = checkConfigDescriptor(manifest, what);
    const chunks: Uint8Array[] = [];
    for await (const chunk of await this.openBlob(
      reference,
      { mediaType, size, digest },
      signal === undefined ? {} : { signal },
    )) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}

function checkDigest(actual: Digest, expected: string | undefined, what: string): void {
  if (expected === undefined || actual === expected) return;
  throw new OciError(
    'DIGEST_MISMATCH',
    `${what} should be ${expected.slice(0, 80)} and is ${actual}: it was damaged or exchanged; push the image again`,
  );
}

/** What identifies the content: by digest where there is one. */
function name(reference: ImageReference): string {
  return formatImageReference(reference);
}
