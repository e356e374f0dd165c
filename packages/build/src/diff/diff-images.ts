// What changed between two images, as a person would ask: packages, kernel, files and whose they are, labels, and what the
// change costs a host.
import { chunkedLocation, type Descriptor, type Digest, type ImageSource } from '@varve/oci';
import { comparePackages, type PackageChange } from '../packages/changes.ts';
import { estimateFetch, type FetchEstimates } from './fetch.ts';
import { compareFiles, type FileChange } from './file-changes.ts';
import type { ImageView } from './image-view.ts';
import { type OpenedImage, type ReadImages, readImages, type Tables } from './read-image.ts';
import type { Packages } from './records.ts';

export interface ImageSummary {
  /** As a user writes it. */
  readonly name: string;
  readonly digest: Digest;
  /** ISO 8601, where the image says so. */
  readonly created?: string | undefined;
  /** PRETTY_NAME of os-release. */
  readonly osRelease?: string | undefined;
  readonly kernels: readonly string[];
}

export interface LabelChange {
  readonly name: string;
  /** Undefined where the image has no such label. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

export interface ImageDiff {
  readonly before: ImageSummary;
  readonly after: ImageSummary;
  readonly packages: readonly PackageChange[];
  /** Records of packages that could not be read, in words; then `packages` says nothing. */
  readonly unreadPackages: readonly string[];
  readonly files: readonly FileChange[];
  readonly labels: readonly LabelChange[];
  /** For a host that has `before`. */
  readonly fetch: FetchEstimates;
}

export interface DiffImagesOptions {
  readonly before: ImageSource;
  readonly after: ImageSource;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares two images. Of a layer with a table of contents only that and the records of packages are read, of others all,
 * once. Times of files are not compared.
 * @throws BuildError IMAGE_UNREADABLE; what the sources and the layers throw
 */
export async function diffImages(options: DiffImagesOptions): Promise<ImageDiff> {
  const { signal } = options;
  const [before, after] = [await open(options.before, signal), await open(options.after, signal)];
  const read = await readImages(before, after, signal);
  const [old, now] = [read.before, read.after].map((view) => view.records.packages(view.tree));
  const unreadPackages = [old?.unread, now?.unread].filter((text) => text !== undefined);
  return {
    before: summarise(before, read.before),
    after: summarise(after, read.after),
    packages: unreadPackages.length > 0 ? [] : packageChanges(old, now),
    unreadPackages: [...new Set(unreadPackages)],
    files: compareFiles(read.before.tree, read.after.tree, [now?.owners ?? new Map(), old?.owners ?? new Map()]),
    labels: labelChanges(before, after),
    fetch: fetchEstimates(before, after, read),
  };
}

async function open(source: ImageSource, signal: AbortSignal | undefined): Promise<OpenedImage> {
  return { source, image: await source.getImage(signal === undefined ? {} : { signal }) };
}

function summarise({ source, image }: OpenedImage, view: ImageView): ImageSummary {
  return {
    name: source.name,
    digest: image.manifestDigest,
    created: image.config.created,
    osRelease: view.records.release(view.tree),
    kernels: view.kernels(),
  };
}

function packageChanges(old: Packages | undefined, now: Packages | undefined): PackageChange[] {
  return comparePackages(old?.installed ?? [], now?.installed ?? [], now?.manager ?? old?.manager ?? 'dpkg');
}

function labelChanges(before: OpenedImage, after: OpenedImage): LabelChange[] {
  const [old, now] = [before, after].map(({ image }) => new Map(Object.entries(image.config.config.Labels)));
  const names = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort();
  return names
    .filter((name) => old?.get(name) !== now?.get(name))
    .map((name) => ({ name, before: old?.get(name), after: now?.get(name) }));
}

function fetchEstimates(before: OpenedImage, after: OpenedImage, { before: view, tables }: ReadImages): FetchEstimates {
  const layers = after.image.manifest.layers.map((descriptor) => ({ descriptor, toc: tableOf(tables, descriptor) }));
  return estimateFetch(before.image.manifest.layers, layers, (digest) => view.contents.has(digest));
}

function tableOf(tables: Tables, descriptor: Descriptor) {
  const table = tables.get(descriptor.digest);
  const size = chunkedLocation(descriptor)?.toc.length;
  return table === undefined || size === undefined ? undefined : { table, size };
}
