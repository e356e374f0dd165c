// What an image holds, and what of it an image before it had not: the least that any update must move.

import { createHash } from 'node:crypto';
import { type Image, type RegistryClient, readLayer } from '@varve/oci';

export interface Content {
  /** Of all layers, compressed. */
  readonly compressed: number;
  readonly files: number;
  /** Bytes of each content, by its SHA-256. */
  readonly sizes: ReadonlyMap<string, number>;
}

export async function readContent(client: RegistryClient, image: Image, signal: AbortSignal): Promise<Content> {
  const sizes = new Map<string, number>();
  let compressed = 0;
  let files = 0;
  for (const [index, descriptor] of image.manifest.layers.entries()) {
    const diffId = image.config.rootfs.diff_ids[index];
    if (diffId === undefined) throw new Error('the image has more layers than diff-ids');
    compressed += descriptor.size;
    const blob = await client.openBlob(image.reference, descriptor, { signal });
    for await (const entry of readLayer(blob, descriptor, diffId, { signal })) {
      files += 1;
      if (entry.type !== 'file') continue;
      const hash = createHash('sha256');
      for await (const chunk of entry.content) hash.update(chunk);
      sizes.set(hash.digest('hex'), entry.size);
    }
  }
  return { compressed, files, sizes };
}

export function totalSize({ sizes }: Content): number {
  let total = 0;
  for (const size of sizes.values()) total += size;
  return total;
}

/** Bytes of the contents that `after` has and `before` has not. */
export function newSize(before: Content, after: Content): number {
  let total = 0;
  for (const [digest, size] of after.sizes) total += before.sizes.has(digest) ? 0 : size;
  return total;
}
