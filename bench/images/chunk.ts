// Turns images of the suite's registry into chunked ones. A layer is compressed once; later runs take it from the cache.
import { once } from 'node:events';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  type Descriptor,
  digestHex,
  digestOf,
  formatImageReference,
  type ImageReference,
  mediaTypes,
  parseDigest,
  type RegistryClient,
  writeChunkedLayer,
} from '@varve/oci';
import type { TestRegistry } from '../../packages/registry/src/test-registry.ts';

interface Place {
  readonly client: RegistryClient;
  readonly registry: TestRegistry;
  readonly cacheDirectory: string;
  readonly signal: AbortSignal;
}

/** Pushes the image with chunked layers to `REPOSITORY-chunked`, and names it by digest. */
export async function chunkImage(reference: ImageReference, place: Place): Promise<ImageReference> {
  const { client, registry, signal } = place;
  const image = await client.getImage(reference, { signal });
  const repository = `${reference.repository}-chunked`;
  const layers: Descriptor[] = [];
  for (const layer of image.manifest.layers) {
    const { descriptor, path } = await chunkLayer(reference, layer, place);
    await push(registry, `${repository}/blobs/uploads/?digest=${descriptor.digest}`, await openAsBlob(path));
    layers.push(descriptor);
  }
  await registry.pushBlob(repository, image.configBytes);
  const manifest = JSON.stringify({ ...image.manifest, mediaType: mediaTypes.ociManifest, layers });
  await registry.call('PUT', `${repository}/manifests/1`, {
    body: manifest,
    headers: { 'content-type': mediaTypes.ociManifest },
  });
  return { registry: reference.registry, repository, digest: digestOf(Buffer.from(manifest)) };
}

async function chunkLayer(
  reference: ImageReference,
  layer: Descriptor,
  { client, cacheDirectory, signal }: Place,
): Promise<{ descriptor: Descriptor; path: string }> {
  await mkdir(cacheDirectory, { recursive: true });
  const path = join(cacheDirectory, digestHex(layer.digest));
  const cached = await readFile(`${path}.json`, 'utf8').catch(() => undefined);
  if (cached !== undefined) return { descriptor: parseDescriptor(cached), path };
  if (!layer.mediaType.endsWith('+gzip')) throw new Error(`${formatImageReference(reference)} has no gzip layers`);
  const file = createWriteStream(`${path}.new`);
  const blob = Readable.from(await client.openBlob(reference, layer, { signal })).pipe(createGunzip());
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!file.write(bytes)) await once(file, 'drain', { signal });
  };
  const { mediaType, digest, size, annotations } = await writeChunkedLayer(blob, write, { signal });
  file.end();
  await once(file, 'close', { signal });
  await rename(`${path}.new`, path);
  const descriptor = { mediaType, digest, size, annotations };
  await writeFile(`${path}.json`, JSON.stringify(descriptor));
  return { descriptor, path };
}

function parseDescriptor(text: string): Descriptor {
  const descriptor: Descriptor = JSON.parse(text);
  return { ...descriptor, digest: parseDigest(descriptor.digest) };
}

async function push(registry: TestRegistry, path: string, body: Blob): Promise<void> {
  const response = await fetch(registry.url(path), { method: 'POST', body });
  if (response.status !== 201) throw new Error(`pushing a layer gave ${response.status}: ${await response.text()}`);
}
