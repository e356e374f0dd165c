// Images made by hand for tests: layers as tar archives in memory.
import { gzipSync } from 'node:zlib';
import {
  chunkedLocation,
  type Descriptor,
  digestOf,
  type Image,
  isImageIndex,
  mediaTypes,
  type OpenRanges,
  parseImageConfig,
  parseImageReference,
  parseManifest,
  writeChunkedLayer,
} from '@varve/oci';
import { type TarInput, tar } from './tar.ts';

export interface TestImage {
  readonly image: Image;
  readonly openLayer: (descriptor: Descriptor) => Promise<AsyncIterable<Uint8Array>>;
  readonly openRanges: OpenRanges;
  /** Digests of the blobs that were opened as a whole. */
  readonly opened: string[];
  /** Digests and sizes of the pieces that were opened, but for tables of contents. */
  readonly pieces: { readonly digest: string; readonly length: number }[];
}

export interface TestImageOptions {
  readonly reference?: string;
  readonly labels?: Record<string, string>;
  readonly created?: string;
}

interface Blob {
  readonly diffId: string;
  readonly bytes: Uint8Array;
  readonly descriptor: Descriptor;
}

type LayerInput = readonly TarInput[] | Uint8Array;

/** An image with gzip layers. */
export function testImage(layers: readonly LayerInput[], options: TestImageOptions = {}): TestImage {
  return imageOf(
    layers.map((layer) => {
      const archive = archiveOf(layer);
      const bytes = gzipSync(archive, { level: 1 });
      const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
      return { diffId: digestOf(archive), bytes, descriptor };
    }),
    options,
  );
}

/** An image with zstd:chunked layers. */
export async function chunkedImage(layers: readonly LayerInput[], options: TestImageOptions = {}): Promise<TestImage> {
  const blobs: Blob[] = [];
  for (const layer of layers) {
    const parts: Uint8Array[] = [];
    const { diffId, ...descriptor } = await writeChunkedLayer(inChunks(archiveOf(layer)), async (bytes) => {
      parts.push(Uint8Array.from(bytes));
    });
    blobs.push({ diffId, bytes: Buffer.concat(parts), descriptor });
  }
  return imageOf(blobs, options);
}

function archiveOf(layer: LayerInput): Uint8Array {
  return layer instanceof Uint8Array ? layer : tar(layer);
}

function imageOf(blobs: readonly Blob[], options: TestImageOptions): TestImage {
  const configBytes = json({
    architecture: 'amd64',
    os: 'linux',
    ...(options.created !== undefined && { created: options.created }),
    config: { Labels: options.labels ?? {} },
    rootfs: { type: 'layers', diff_ids: blobs.map(({ diffId }) => diffId) },
  });
  const manifestBytes = json({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(configBytes), size: configBytes.length },
    layers: blobs.map(({ descriptor }) => descriptor),
  });
  const manifest = parseManifest(manifestBytes);
  if (isImageIndex(manifest)) throw new Error('not a manifest');
  const byDigest = new Map<string, Uint8Array>(blobs.map(({ descriptor, bytes }) => [descriptor.digest, bytes]));
  const bytesOf = ({ digest }: Descriptor) => byDigest.get(digest) ?? Buffer.alloc(0);
  const opened: string[] = [];
  const pieces: TestImage['pieces'] = [];
  return {
    image: {
      reference: parseImageReference(options.reference ?? 'localhost:5000/os:latest'),
      manifest,
      manifestDigest: digestOf(manifestBytes),
      manifestBytes,
      config: parseImageConfig(configBytes),
      configBytes,
    },
    opened,
    pieces,
    async openLayer(descriptor) {
      opened.push(descriptor.digest);
      return inChunks(bytesOf(descriptor));
    },
    async *openRanges(descriptor, ranges) {
      for (const { offset, length } of ranges) {
        if (offset !== chunkedLocation(descriptor)?.toc.offset) pieces.push({ digest: descriptor.digest, length });
        yield { offset, bytes: inChunks(bytesOf(descriptor).subarray(offset, offset + length)) };
      }
    },
  };
}

/** The least that boots: a kernel and an initramfs, and the directories of a Debian root. */
export const bootableLayer: readonly TarInput[] = [
  { path: './', type: 'directory' },
  { path: 'etc/', type: 'directory' },
  { path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
  { path: 'sysroot/', type: 'directory' },
  { path: 'ostree', type: 'symlink', linkTarget: 'sysroot/ostree' },
  { path: 'usr/', type: 'directory' },
  { path: 'usr/lib/', type: 'directory' },
  { path: 'usr/lib/os-release', content: 'ID=test\nPRETTY_NAME="Test OS"\nVERSION_ID=1\n' },
  { path: 'usr/lib/modules/', type: 'directory' },
  { path: 'usr/lib/modules/6.1.0/', type: 'directory' },
  { path: 'usr/lib/modules/6.1.0/vmlinuz', content: 'kernel' },
  { path: 'usr/lib/modules/6.1.0/initramfs.img', content: 'initramfs' },
  { path: 'var/', type: 'directory' },
];

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += 16_384) yield bytes.subarray(start, start + 16_384);
}
