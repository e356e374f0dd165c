import type { Digest } from '../digest.ts';
import type { ImageDestination } from './destination.ts';
import type { ImageSource } from './source.ts';

export interface CopyProgress {
  /** Bytes of layers that were read. */
  bytesDone: number;
  /** Bytes of layers to read, without those that the destination has. */
  bytesTotal: number;
  /** Bytes of layers that the destination has already. */
  bytesReused: number;
}

export interface CopyImageOptions {
  source: ImageSource;
  destination: ImageDestination;
  signal?: AbortSignal;
  onProgress?: (progress: CopyProgress) => void;
}

export interface CopiedImage {
  digest: Digest;
  bytesFetched: number;
  bytesReused: number;
}

/**
 * Copies an image as it is: the same bytes, the same digest. Layers that the destination has are not read.
 * @throws OciError as reading and writing images do
 */
export async function copyImage({ source, destination, signal, onProgress }: CopyImageOptions): Promise<CopiedImage> {
  const waiting = signal === undefined ? {} : { signal };
  const { manifest, manifestBytes, configBytes } = await source.getImage(waiting);
  const progress: CopyProgress = { bytesDone: 0, bytesTotal: 0, bytesReused: 0 };
  for (const { size } of manifest.layers) progress.bytesTotal += size;
  for (const layer of manifest.layers) {
    const before = progress.bytesDone;
    const read = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      // From the beginning again when the destination lost the connection.
      progress.bytesDone = before;
      for await (const chunk of await source.openBlob(layer, waiting)) {
        progress.bytesDone += chunk.length;
        onProgress?.({ ...progress });
        yield chunk;
      }
    };
    if (await destination.writeBlob(layer, read, signal)) continue;
    progress.bytesReused += layer.size;
    progress.bytesTotal -= layer.size;
    onProgress?.({ ...progress });
  }
  await destination.writeBlob(manifest.config, () => once(configBytes), signal);
  const digest = await destination.writeManifest(manifestBytes, manifest.mediaType, signal);
  return { digest, bytesFetched: progress.bytesDone, bytesReused: progress.bytesReused };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
