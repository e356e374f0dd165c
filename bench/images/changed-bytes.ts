// The least that an update can put on the wire: the changed files as the layer has them, and the layer's table of contents.
import {
  chunkedLocation,
  type Descriptor,
  fetchToc,
  type Image,
  type OpenRanges,
  type RegistryClient,
  type Toc,
} from '@varve/oci';

/** Bytes of the files of `after` whose content `before` has nowhere, compressed, and of the tables that tell which. */
export async function changedBytes(
  client: RegistryClient,
  before: Image,
  after: Image,
  signal: AbortSignal,
): Promise<number> {
  const known = new Set<string>();
  const shared = new Set(before.manifest.layers.map(({ digest }) => digest));
  for (const layer of before.manifest.layers) {
    for (const { digest } of (await readToc(client, before, layer, signal)).entries) {
      if (digest !== undefined) known.add(digest);
    }
  }
  let bytes = 0;
  for (const layer of after.manifest.layers) {
    if (shared.has(layer.digest)) continue;
    bytes += chunkedLocation(layer)?.toc.length ?? 0;
    for (const { digest, chunks } of (await readToc(client, after, layer, signal)).entries) {
      if (digest === undefined || known.has(digest)) continue;
      known.add(digest);
      for (const { compressedSize } of chunks) bytes += compressedSize;
    }
  }
  return bytes;
}

async function readToc(
  client: RegistryClient,
  { reference }: Image,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<Toc> {
  const openRanges: OpenRanges = (descriptor, ranges) => client.openRanges(reference, descriptor, ranges, { signal });
  return await fetchToc(openRanges, layer, signal);
}
