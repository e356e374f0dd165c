// Reads two images into views that can be compared. Layers that both have are read once, and no layer twice.
import {
  chunkedLocation,
  type Descriptor,
  type Digest,
  fetchContents,
  fetchToc,
  type ImageDocuments,
  type ImageSource,
  OciError,
  type OpenRanges,
  readLayer,
  type Toc,
} from '@varve/oci';
import { BuildError } from '../error.ts';
import { addEntry, addLayer, applyWhiteout, ImageView, pathOf } from './image-view.ts';
import { isRecord } from './records.ts';

/** A source whose image was asked for. */
export interface OpenedImage {
  readonly source: ImageSource;
  readonly image: ImageDocuments;
}

interface Layer {
  readonly source: ImageSource;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** The tables of contents that were read, by the digest of their layer. */
export type Tables = Map<string, Toc>;

export interface ReadImages {
  readonly before: ImageView;
  readonly after: ImageView;
  readonly tables: Tables;
}

/** @throws BuildError IMAGE_UNREADABLE, and what the sources and the layers themselves throw */
export async function readImages(before: OpenedImage, after: OpenedImage, signal?: AbortSignal): Promise<ReadImages> {
  const [old, now] = [layersOf(before), layersOf(after)];
  const tables: Tables = new Map();
  const bottom = new ImageView();
  let shared = 0;
  while (shared < old.length && old[shared]?.descriptor.digest === now[shared]?.descriptor.digest) shared += 1;
  for (const layer of old.slice(0, shared)) await read(bottom, layer, tables, signal);
  const top = bottom.clone();
  for (const layer of old.slice(shared)) await read(bottom, layer, tables, signal);
  for (const layer of now.slice(shared)) await read(top, layer, tables, signal);
  return { before: bottom, after: top, tables };
}

function layersOf({ source, image: { manifest, config, manifestDigest } }: OpenedImage): Layer[] {
  return manifest.layers.map((descriptor, index) => {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId !== undefined) return { source, descriptor, diffId };
    throw new BuildError('IMAGE_UNREADABLE', `${manifestDigest} has more layers than diff-ids; build it again`);
  });
}

async function read(view: ImageView, layer: Layer, tables: Tables, signal: AbortSignal | undefined): Promise<void> {
  const { source, descriptor, diffId } = layer;
  const toc = await readTable(view, layer, signal);
  if (toc === undefined) {
    const waiting = signal === undefined ? {} : { signal };
    const blob = await source.openBlob(descriptor, waiting);
    await addLayer(view, readLayer(blob, descriptor, diffId, waiting), signal);
    return;
  }
  tables.set(descriptor.digest, toc);
  view.tree.startLayer();
  for (const entry of toc.entries) {
    const path = pathOf(entry);
    if (!applyWhiteout(view, path))
      addEntry(view, path, entry, entry.linkTarget ?? entry.digest?.slice('sha256:'.length) ?? '');
  }
}

/** The layer's table of contents, when it has one and the records that the layer has could be read by it. */
async function readTable(
  { records }: ImageView,
  { source, descriptor }: Layer,
  signal: AbortSignal | undefined,
): Promise<Toc | undefined> {
  if (chunkedLocation(descriptor) === undefined) return undefined;
  const openRanges: OpenRanges = (layer, ranges, stop) => source.openRanges(layer, ranges, stop);
  try {
    const toc = await fetchToc(openRanges, descriptor, signal);
    const wanted = toc.entries.filter(
      (entry) =>
        entry.digest !== undefined && isRecord(pathOf(entry)) && !records.has(entry.digest.slice('sha256:'.length)),
    );
    for await (const { entry, content } of fetchContents(openRanges, descriptor, wanted, signal)) {
      const record = await records.read(pathOf(entry), content, signal);
      if (entry.digest !== undefined) records.set(entry.digest.slice('sha256:'.length), record);
    }
    return toc;
  } catch (error) {
    if (error instanceof OciError && error.code === 'RANGES_UNSUPPORTED') return undefined;
    throw error;
  }
}
