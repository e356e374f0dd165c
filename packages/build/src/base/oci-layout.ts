// Packs a root directory as a one-layer image in an OCI layout directory.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md

import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Descriptor,
  type Digest,
  digestHex,
  digestOf,
  isImageIndex,
  mediaTypes,
  parseManifest,
  writeChunkedLayer,
} from '@varve/oci';
import { runCommand } from '../command.ts';

export interface RootImage {
  /** OCI's name of the architecture. */
  readonly architecture: string;
  /** Seconds since 1970: no file of the layer is newer. */
  readonly created: number;
  readonly labels: Readonly<Record<string, string>>;
  /** What made the layer, for the image's history. */
  readonly createdBy: string;
}

/** The name in a layout's index under which other tools find the image: `oci:DIRECTORY:base`. */
export const layoutTag = 'base';

/** Packs `root` into a new OCI layout in `layout`, which must be an existing directory. Returns the manifest's digest. */
export async function packRoot(root: string, layout: string, image: RootImage, signal?: AbortSignal): Promise<Digest> {
  const blobs = join(layout, 'blobs/sha256');
  await fs.mkdir(blobs, { recursive: true });
  const { layer, diffId } = await packLayer(root, blobs, image.created, signal);
  const created = new Date(image.created * 1000).toISOString();
  const config = await writeBlob(blobs, mediaTypes.ociConfig, {
    created,
    architecture: image.architecture,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['/sbin/init'],
      Labels: image.labels,
      // systemd's signal for an orderly end (systemd(1), SIGRTMIN+3).
      StopSignal: 'SIGRTMIN+3',
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: image.createdBy }],
  });
  const manifest = await writeBlob(blobs, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: [layer],
    annotations: image.labels,
  });
  const named = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': layoutTag } };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [named] };
  await fs.writeFile(join(layout, 'index.json'), JSON.stringify(index));
  await fs.writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return manifest.digest;
}

/** Chunked, so that hosts fetch the changed files of a newer base and not all of it. */
async function packLayer(root: string, blobs: string, created: number, signal?: AbortSignal) {
  const plain = join(blobs, 'layer.tar');
  await runCommand('tar', tarArguments(root, plain, created), { signal, timeout: 10 * 60_000 });
  const compressed = join(blobs, 'layer.tar.zst');
  await using file = await fs.open(compressed, 'wx');
  const tar = createReadStream(plain, { highWaterMark: 1 << 20 });
  const { diffId, ...layer } = await writeChunkedLayer(tar, (bytes) => file.writeFile(bytes), signal && { signal });
  await fs.rm(plain);
  await fs.rename(compressed, join(blobs, digestHex(layer.digest)));
  return { layer, diffId };
}

/** GNU tar's recipe for archives that depend on nothing but the content (tar manual, "Reproducibility"). */
function tarArguments(root: string, archive: string, created: number): string[] {
  return [
    '--create',
    `--file=${archive}`,
    `--directory=${root}`,
    '--format=posix',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    `--mtime=@${created}`,
    '--clamp-mtime',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=security.capability',
    '--transform=flags=r;s,^\\./,,',
    '.',
  ];
}

async function writeBlob(blobs: string, mediaType: string, document: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = digestOf(bytes);
  await fs.writeFile(join(blobs, digestHex(digest)), bytes);
  return { mediaType, digest, size: bytes.length };
}

/**
 * The digest of a layout's image; undefined where there is no layout, or one that a power cut left incomplete: then a file
 * has another size than its descriptor says.
 */
export async function readLayoutDigest(layout: string): Promise<Digest | undefined> {
  try {
    const index = parseManifest(await fs.readFile(join(layout, 'index.json')), mediaTypes.ociIndex);
    const named = isImageIndex(index) ? index.manifests[0] : undefined;
    if (named === undefined) return undefined;
    const manifest = parseManifest(await fs.readFile(blobPath(layout, named.digest)), named.mediaType);
    if (isImageIndex(manifest)) return undefined;
    for (const { digest, size } of [manifest.config, ...manifest.layers]) {
      if ((await fs.stat(blobPath(layout, digest))).size !== size) return undefined;
    }
    return named.digest;
  } catch {
    return undefined;
  }
}

function blobPath(layout: string, digest: Digest): string {
  return join(layout, 'blobs/sha256', digestHex(digest));
}
