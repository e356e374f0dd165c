// Writes images into an OCI layout on disk. A blob is there only when complete and verified; the index is replaced as a whole.
import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, digestOf } from '../digest.ts';
import type { Descriptor, ImageIndex } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { verifyContent } from '../verify.ts';
import type { ImageDestination } from './destination.ts';
import { DirectoryFiles } from './files.ts';
import { indexFile, layoutBlobPath, layoutFile, readIndex, refNameAnnotation } from './oci-layout.ts';

export class LayoutDestination implements ImageDestination {
  readonly name: string;
  readonly #directory: string;
  readonly #image: string | undefined;

  private constructor(directory: string, image: string | undefined, name: string) {
    this.#directory = directory;
    this.#image = image;
    this.name = name;
  }

  /** Makes the layout where there is none. */
  static async open(directory: string, image: string | undefined, name: string): Promise<LayoutDestination> {
    await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
    const files = new DirectoryFiles(directory);
    if ((await files.size(layoutFile)) === undefined) {
      await replace(join(directory, layoutFile), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    }
    if ((await files.size(indexFile)) === undefined) await replace(join(directory, indexFile), formatIndex([]));
    return new LayoutDestination(directory, image, name);
  }

  async writeBlob(
    descriptor: Descriptor,
    openBytes: () => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const path = join(this.#directory, layoutBlobPath(descriptor.digest));
    const size = await new DirectoryFiles(this.#directory).size(layoutBlobPath(descriptor.digest));
    if (size === descriptor.size) return false;
    const temporary = `${path}.${randomUUID()}`;
    try {
      await using file = await open(temporary, 'wx');
      for await (const chunk of verifyContent(openBytes(), descriptor, `blob ${descriptor.digest}`)) {
        signal?.throwIfAborted();
        await file.writeFile(chunk);
      }
      await file.sync();
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return true;
  }

  async writeManifest(bytes: Uint8Array, mediaType: string, signal?: AbortSignal): Promise<Digest> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes;
    }
    await this.writeBlob(descriptor, content, signal);
    const { manifests } = await readIndex(new DirectoryFiles(this.#directory), this.name);
    const others = manifests.filter((other) =>
      this.#image === undefined
        ? other.digest !== descriptor.digest
        : other.annotations[refNameAnnotation] !== this.#image,
    );
    const annotations = this.#image === undefined ? {} : { annotations: { [refNameAnnotation]: this.#image } };
    await replace(join(this.#directory, indexFile), formatIndex([...others, { ...descriptor, ...annotations }]));
    return descriptor.digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function formatIndex(manifests: readonly Descriptor[]): string {
  const index: Omit<ImageIndex, 'manifests' | 'annotations'> & { manifests: readonly Descriptor[] } = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests,
  };
  return JSON.stringify(index);
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}`);
  await writeFile(temporary, text, { flush: true });
  await rename(temporary, path);
}
