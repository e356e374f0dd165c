// Images on a disk. All transports have blobs by digest and a first manifest, and differ in where those are.
import { type Digest, digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import type { ImageDocuments } from '../image.ts';
import { checkConfigDescriptor, checkImageConfig } from '../image-check.ts';
import {
  type Descriptor,
  isImageIndex,
  type Manifest,
  maximumManifestSize,
  type Platform,
  parseManifest,
} from '../manifest.ts';
import { choosePlatform, hostPlatform } from '../platform.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';
import { verifyContent } from '../verify.ts';
import type { LayoutFiles } from './files.ts';
import type { ImageSource } from './source.ts';

/** How a transport lays an image out. */
export interface Layout {
  /** As a user writes it. */
  name: string;
  files: LayoutFiles;
  /** The manifest or index that was named. */
  document: Uint8Array;
  mediaType: string | undefined;
  /** The file that holds a blob. */
  pathOf: (digest: Digest) => string;
}

/** Its methods throw OciError: IMAGE_LAYOUT_INVALID, IMAGE_MANIFEST_INVALID, IMAGE_CONFIG_INVALID, PLATFORM_NOT_FOUND, *_MISMATCH. */
export class LocalSource implements ImageSource {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get name(): string {
    return this.#layout.name;
  }

  async getImage(options: { platform?: Platform; signal?: AbortSignal } = {}): Promise<ImageDocuments> {
    const { bytes, manifest } = await this.#chooseManifest(options.platform);
    const digest = digestOf(bytes);
    const what = `${this.name} (${digest})`;
    const configBytes = await this.#readWhole(checkConfigDescriptor(manifest, what));
    const config = checkImageConfig(configBytes, manifest, options.platform, what);
    return { manifest, manifestDigest: digest, manifestBytes: bytes, config, configBytes };
  }

  async openBlob(descriptor: Descriptor): Promise<AsyncIterable<Uint8Array>> {
    const path = await this.#find(descriptor);
    const bytes = this.#layout.files.read(path, { offset: 0, length: descriptor.size });
    return verifyContent(bytes, descriptor, `blob ${descriptor.digest} of ${this.name}`);
  }

  async *openRanges(
    descriptor: Descriptor,
    ranges: readonly BlobRange[],
  ): AsyncGenerator<OpenedRange, void, undefined> {
    const path = await this.#find(descriptor);
    for (const range of ranges) yield { offset: range.offset, bytes: this.#layout.files.read(path, range) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#layout.files[Symbol.asyncDispose]();
  }

  async #chooseManifest(platform: Platform | undefined): Promise<{ bytes: Uint8Array; manifest: Manifest }> {
    const document = parseManifest(this.#layout.document, this.#layout.mediaType);
    if (!isImageIndex(document)) return { bytes: this.#layout.document, manifest: document };
    const chosen = choosePlatform(document, platform ?? hostPlatform(process.arch), this.name);
    if (chosen.size > maximumManifestSize) {
      throw new OciError(
        'IMAGE_MANIFEST_INVALID',
        `${this.name} has a manifest of ${chosen.size} bytes; write it again`,
      );
    }
    const bytes = await this.#readWhole(chosen);
    const manifest = parseManifest(bytes, chosen.mediaType);
    if (!isImageIndex(manifest)) return { bytes, manifest };
    throw new OciError('IMAGE_MANIFEST_INVALID', `${this.name} is an index of indexes; name an image in it`);
  }

  async #readWhole(descriptor: Descriptor): Promise<Uint8Array> {
    return Buffer.concat(await Array.fromAsync(await this.openBlob(descriptor)));
  }

  async #find(descriptor: Descriptor): Promise<string> {
    const path = this.#layout.pathOf(descriptor.digest);
    const size = await this.#layout.files.size(path);
    if (size === descriptor.size) return path;
    throw new OciError(
      size === undefined ? 'IMAGE_LAYOUT_INVALID' : 'SIZE_MISMATCH',
      size === undefined
        ? `${this.name} has no blob ${descriptor.digest}; write the image again`
        : `blob ${descriptor.digest} of ${this.name} should have ${descriptor.size} bytes and has ${size}; write the image again`,
    );
  }
}
