// Rewrites an image with zstd:chunked layers. Its configuration stays as it is: the archives in the layers are the same.
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '../digest.ts';
import { OciError } from '../error.ts';
import type { ImageDocuments } from '../image.ts';
import { decompressLayer } from '../layer/read.ts';
import type { Descriptor, Manifest } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import type { ImageDestination } from '../transports/destination.ts';
import type { ImageSource } from '../transports/source.ts';
import { chunkedLocation, withoutChunkedAnnotations } from './annotations.ts';
import { writeChunkedLayer } from './write.ts';

export interface ChunkProgress {
  /** Layers that are done. */
  layersDone: number;
  layersTotal: number;
  /** Bytes of the source's layers that were read. */
  bytesDone: number;
  bytesTotal: number;
}

export interface ChunkImageOptions {
  source: ImageSource;
  destination: ImageDestination;
  /** Of zstd. */
  level?: number;
  signal?: AbortSignal;
  onProgress?: (progress: ChunkProgress) => void;
}

export interface ChunkedImageLayer {
  digest: Digest;
  size: number;
  /** What it was made from. */
  source: { digest: Digest; size: number };
  /** Why it is not chunked; it was copied as it is. */
  kept?: string;
}

export interface ChunkedImage {
  digest: Digest;
  layers: ChunkedImageLayer[];
}

/** Docker's names of what OCI has too; annotations are OCI's alone. */
const ociTypes: ReadonlyMap<string, string> = new Map([
  [mediaTypes.dockerConfig, mediaTypes.ociConfig],
  [mediaTypes.dockerLayer, mediaTypes.ociLayer],
  [mediaTypes.dockerLayerGzip, mediaTypes.ociLayerGzip],
]);

interface WrittenLayer {
  descriptor: Descriptor;
  kept?: string;
}

/**
 * Reads an image and writes it with chunked layers. The same image gives the same digest (with the same version of zstd).
 * Layers that are chunked already, and such that cannot be, are copied.
 * @throws OciError as reading and writing images do
 */
export async function chunkImage(options: ChunkImageOptions): Promise<ChunkedImage> {
  const { source, destination, signal } = options;
  const image = await source.getImage(signal && { signal });
  const directory = await mkdtemp(join(tmpdir(), 'varve-chunk-'));
  try {
    const written = await writeLayers(image, options, directory);
    await destination.writeBlob(image.manifest.config, () => once(image.configBytes), signal);
    const manifest = rewriteManifest(image.manifest, written);
    const digest = await destination.writeManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, signal);
    return { digest, layers: describeLayers(image.manifest, written) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function writeLayers(
  image: ImageDocuments,
  options: ChunkImageOptions,
  directory: string,
): Promise<WrittenLayer[]> {
  const { layers } = image.manifest;
  const progress = { layersDone: 0, layersTotal: layers.length, bytesDone: 0, bytesTotal: 0 };
  for (const { size } of layers) progress.bytesTotal += size;
  const written: WrittenLayer[] = [];
  for (const [index, layer] of layers.entries()) {
    const before = progress.bytesDone;
    const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      progress.bytesDone = before;
      for await (const chunk of await options.source.openBlob(layer, options.signal && { signal: options.signal })) {
        progress.bytesDone += chunk.length;
        options.onProgress?.({ ...progress });
        yield chunk;
      }
    };
    const same = written[layers.findIndex(({ digest }) => digest === layer.digest)];
    written.push(same ?? (await writeLayer(layer, image.config.rootfs.diff_ids[index], counted, options, directory)));
    progress.layersDone += 1;
    progress.bytesDone = before + layer.size;
    options.onProgress?.({ ...progress });
  }
  return written;
}

async function writeLayer(
  layer: Descriptor,
  diffId: Digest | undefined,
  openLayer: () => AsyncGenerator<Uint8Array, void, undefined>,
  options: ChunkImageOptions,
  directory: string,
): Promise<WrittenLayer> {
  if (diffId === undefined) throw new TypeError('a layer has no diff-id');
  const isChunked = chunkedLocation(layer)?.tarSplit !== undefined;
  const file = join(directory, randomUUID());
  try {
    if (isChunked) return await copyLayer(layer, openLayer, options);
    return await convertLayer(layer, diffId, openLayer(), file, options);
  } catch (error) {
    if (!(error instanceof OciError && error.code === 'LAYER_UNSUPPORTED')) throw error;
    return { ...(await copyLayer(layer, openLayer, options)), kept: error.message };
  } finally {
    await rm(file, { force: true });
  }
}

async function copyLayer(
  layer: Descriptor,
  openLayer: () => AsyncGenerator<Uint8Array, void, undefined>,
  { destination, signal }: ChunkImageOptions,
): Promise<WrittenLayer> {
  await destination.writeBlob(layer, openLayer, signal);
  return { descriptor: { ...layer, mediaType: ociTypes.get(layer.mediaType) ?? layer.mediaType } };
}

async function convertLayer(
  layer: Descriptor,
  diffId: Digest,
  blob: AsyncIterable<Uint8Array>,
  path: string,
  { destination, signal, level }: ChunkImageOptions,
): Promise<WrittenLayer> {
  const options = { ...(signal !== undefined && { signal }), ...(level !== undefined && { level }) };
  await using file = await open(path, 'wx');
  const tar = decompressLayer(blob, layer, diffId, options);
  const chunked = await writeChunkedLayer(tar, (bytes) => file.writeFile(bytes), options);
  const descriptor: Descriptor = {
    ...{ mediaType: chunked.mediaType, digest: chunked.digest, size: chunked.size },
    annotations: { ...withoutChunkedAnnotations(layer.annotations ?? {}), ...chunked.annotations },
  };
  await destination.writeBlob(descriptor, () => createReadStream(path, { highWaterMark: 1024 * 1024 }), signal);
  return { descriptor };
}

function rewriteManifest(
  manifest: Manifest,
  layers: readonly WrittenLayer[],
): Record<string, unknown> & { mediaType: string } {
  const { annotations, config, subject, artifactType } = manifest;
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    ...(artifactType !== undefined && { artifactType }),
    config: formatDescriptor({ ...config, mediaType: ociTypes.get(config.mediaType) ?? config.mediaType }),
    layers: layers.map(({ descriptor }) => formatDescriptor(descriptor)),
    ...(subject !== undefined && { subject: formatDescriptor(subject) }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

function formatDescriptor({ annotations, ...descriptor }: Descriptor): Descriptor {
  return Object.keys(annotations ?? {}).length === 0
    ? descriptor
    : { ...descriptor, ...(annotations && { annotations }) };
}

function describeLayers(manifest: Manifest, written: readonly WrittenLayer[]): ChunkedImageLayer[] {
  return written.map(({ descriptor, kept }, index) => {
    const source = manifest.layers[index] ?? descriptor;
    return {
      ...{ digest: descriptor.digest, size: descriptor.size, source: { digest: source.digest, size: source.size } },
      ...(kept !== undefined && { kept }),
    };
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
