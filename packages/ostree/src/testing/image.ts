// Images made by hand for tests: layers as tar archives in memory.
import { gzipSync } from 'node:zlib';
import {
  type Descriptor,
  digestOf,
  type Image,
  isImageIndex,
  mediaTypes,
  parseImageConfig,
  parseImageReference,
  parseManifest,
} from '@varve/oci';
import { type TarInput, tar } from './tar.ts';

export interface TestImage {
  readonly image: Image;
  readonly openLayer: (descriptor: Descriptor) => Promise<AsyncIterable<Uint8Array>>;
  /** Digests of the blobs that were opened. */
  readonly opened: string[];
}

export interface TestImageOptions {
  readonly reference?: string;
  readonly labels?: Record<string, string>;
  readonly created?: string;
}

export function testImage(
  layers: readonly (readonly TarInput[] | Uint8Array)[],
  options: TestImageOptions = {},
): TestImage {
  const archives = layers.map((layer) => (layer instanceof Uint8Array ? layer : tar(layer)));
  const blobs = archives.map((archive) => gzipSync(archive, { level: 1 }));
  const configBytes = json({
    architecture: 'amd64',
    os: 'linux',
    ...(options.created !== undefined && { created: options.created }),
    config: { Labels: options.labels ?? {} },
    rootfs: { type: 'layers', diff_ids: archives.map((archive) => digestOf(archive)) },
  });
  const manifestBytes = json({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(configBytes), size: configBytes.length },
    layers: blobs.map((blob) => ({ mediaType: mediaTypes.ociLayerGzip, digest: digestOf(blob), size: blob.length })),
  });
  const manifest = parseManifest(manifestBytes);
  if (isImageIndex(manifest)) throw new Error('not a manifest');
  const byDigest = new Map(blobs.map((blob) => [digestOf(blob), blob]));
  const opened: string[] = [];
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
    async openLayer({ digest }) {
      opened.push(digest);
      return inChunks(byDigest.get(digest) ?? Buffer.alloc(0));
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
