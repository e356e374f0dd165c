// What a host that has one image fetches for another.
import type { Descriptor, Toc } from '@varve/oci';

export interface FetchEstimate {
  /** Bytes on the wire, of layers as they are compressed. */
  readonly bytes: number;
  /** Bytes of the image's layers that the host has already. */
  readonly reused: number;
}

export interface FetchEstimates {
  /** By a client that fetches the layers which it has not. */
  readonly layers: FetchEstimate;
  /** By a client that fetches only missing files; where no layer is chunked the two are the same. */
  readonly files: FetchEstimate;
  /** Of the layers to fetch, those that are chunked. */
  readonly chunkedLayers: number;
  readonly missingLayers: number;
}

/** A layer with its table of contents, where it has one. */
export interface TabledLayer {
  readonly descriptor: Descriptor;
  readonly toc?: { readonly table: Toc; readonly size: number } | undefined;
}

/** `has` tells whether the host has a content, by its SHA-256 in hexadecimal. */
export function estimateFetch(
  before: readonly Descriptor[],
  after: readonly TabledLayer[],
  has: (digest: string) => boolean,
): FetchEstimates {
  const present = new Set<string>(before.map(({ digest }) => digest));
  const missing = after.filter(({ descriptor }) => !present.has(descriptor.digest));
  let total = 0;
  for (const { descriptor } of after) total += descriptor.size;
  let layerBytes = 0;
  let fileBytes = 0;
  const fetched = new Set<string>();
  for (const layer of missing) {
    layerBytes += layer.descriptor.size;
    fileBytes += layer.toc === undefined ? layer.descriptor.size : missingBytes(layer.toc, has, fetched);
  }
  return {
    layers: { bytes: layerBytes, reused: total - layerBytes },
    files: { bytes: fileBytes, reused: total - fileBytes },
    chunkedLayers: missing.filter(({ toc }) => toc !== undefined).length,
    missingLayers: missing.length,
  };
}

/** The table itself, and each missing content once. */
function missingBytes(
  { table, size }: { readonly table: Toc; readonly size: number },
  has: (digest: string) => boolean,
  fetched: Set<string>,
): number {
  let bytes = size;
  for (const { digest, chunks } of table.entries) {
    if (digest === undefined || fetched.has(digest) || has(digest.slice('sha256:'.length))) continue;
    fetched.add(digest);
    for (const { compressedSize } of chunks) bytes += compressedSize;
  }
  return bytes;
}
