// A layer by its table of contents: only the files are fetched that the host has not, under whatever name, from
// whatever image. Each is verified against the table, and the table against the manifest. What cannot be verified so is the
// diff-id: for it, every byte of the layer would have to be there.
import { existsSync } from 'node:fs';
import {
  chunkedLocation,
  type Descriptor,
  type Digest,
  fetchContents,
  fetchToc,
  type OpenRanges,
  type TocEntry,
} from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { assertDiskSpace } from './disk-space.ts';
import { OstreeError } from './error.ts';
import { importPath, type PathRules } from './import-path.ts';
import { fileMetadata, LayerBuilder } from './layer-builder.ts';
import { commitLayer } from './layer-commit.ts';
import type { ObjectIndex } from './object-index.ts';
import type { FileMetadata } from './objects/file.ts';
import type { Repository } from './repository.ts';
import type { ObjectStaging } from './staging.ts';
import type { TreeDirectory } from './tree.ts';

export interface ChunkedLayerOptions {
  readonly repository: Repository;
  readonly index: ObjectIndex;
  readonly descriptor: Descriptor;
  readonly rules: PathRules;
  readonly openRanges: OpenRanges;
  /** Told once it is known how many of the blob's bytes will be fetched. */
  readonly onPlan: (bytes: number) => void;
  readonly signal: AbortSignal;
}

const diskBlock = 4096;

/** Where this share of a blob is missing, all of it is read: for little more, its digest and diff-id are verified. */
const wholeShare = 0.95;

/** A file of the layer, and what its object has besides its content. */
interface WantedFile {
  readonly entry: TocEntry;
  readonly digest: Digest;
  readonly metadata: FileMetadata;
}

/**
 * Stages a layer by its table of contents, with its commit and its ref, and gives its tree; undefined where that would save
 * nothing, so that it should be read as a whole.
 * @throws OciError RANGES_UNSUPPORTED where it must be read as a whole, TOC_INVALID, DIGEST_MISMATCH, and what `openRanges`
 *   throws; OstreeError LAYER_NOT_IMPORTABLE, DISK_FULL
 */
export async function stageChunkedLayer(
  staging: ObjectStaging,
  options: ChunkedLayerOptions,
): Promise<TreeDirectory | undefined> {
  const { repository, index, descriptor, rules, openRanges, signal } = options;
  const location = chunkedLocation(descriptor);
  if (location === undefined || index.isEmpty) return undefined;
  const toc = await fetchToc(openRanges, descriptor, signal);
  const entries = relevantEntries(toc.entries, rules);
  const files = new LayerFiles(options, staging);
  const { copyable, missing } = files.sort(entries);
  const bytes = location.toc.length + sumOf(firstsByDigest(missing), compressedSize);
  await assertDiskSpace(
    repository.path,
    sumOf([...copyable, ...missing], ({ entry }) => sizeOnDisk(entry)),
  );
  if (bytes >= descriptor.size * wholeShare) return undefined;
  options.onPlan(bytes);
  const failed = await files.copy(copyable);
  await files.fetch([...missing, ...failed]);

  const builder = new LayerBuilder(staging, rules);
  for (const entry of entries) await builder.add(entry, (metadata) => files.objectOf(entry, metadata));
  const proof = { kind: 'toc', digest: location.toc.digest } as const;
  return commitLayer(staging, builder.root, { digest: descriptor.digest, rules, proof });
}

/** The objects of a layer's files: those that are there, and those that are made. */
class LayerFiles {
  readonly #options: ChunkedLayerOptions;
  readonly #staging: ObjectStaging;
  readonly #objects = new Map<TocEntry, OstreeChecksum>();

  constructor(options: ChunkedLayerOptions, staging: ObjectStaging) {
    this.#options = options;
    this.#staging = staging;
  }

  /** Notes the files that the repository has, and tells which have to be made, from bytes on this host or fetched ones. */
  sort(entries: readonly TocEntry[]): { copyable: WantedFile[]; missing: WantedFile[] } {
    const copyable: WantedFile[] = [];
    const missing: WantedFile[] = [];
    for (const entry of entries) {
      const { digest } = entry;
      if (entry.type !== 'file' || entry.size === 0 || digest === undefined) continue;
      const metadata = fileMetadata(entry);
      const object = this.#options.index.find(digest, metadata);
      if (object !== undefined && this.#exists(object)) this.#objects.set(entry, object);
      else if (this.#sources(digest).next().done === true) missing.push({ entry, digest, metadata });
      else copyable.push({ entry, digest, metadata });
    }
    return { copyable, missing };
  }

  /** Makes objects from others with the same content; returns those files for which none was what the index said. */
  async copy(files: readonly WantedFile[]): Promise<WantedFile[]> {
    const failed: WantedFile[] = [];
    for (const file of files) {
      if (!(await this.#copyFrom(this.#sources(file.digest), file))) failed.push(file);
      await this.#staging.publishMany();
    }
    return failed;
  }

  /** Fetches each content once, however many files have it. */
  async fetch(files: readonly WantedFile[]): Promise<void> {
    const { openRanges, descriptor, signal } = this.#options;
    const byDigest = Map.groupBy(files, ({ digest }) => digest);
    const entries = firstsByDigest(files).map(({ entry }) => entry);
    for await (const { entry, content } of fetchContents(openRanges, descriptor, entries, signal)) {
      signal.throwIfAborted();
      const [first, ...others] = (entry.digest && byDigest.get(entry.digest)) || [];
      if (first === undefined) continue;
      const { checksum } = await this.#staging.writeFile(first.metadata, entry.size, content);
      this.#objects.set(first.entry, checksum);
      for (const other of others) await this.#copyFrom([checksum], other);
      await this.#staging.publishMany();
    }
  }

  /** The object of a file, of an empty one, or of a symbolic link. */
  async objectOf(entry: TocEntry, metadata: FileMetadata): Promise<OstreeChecksum> {
    const object = this.#objects.get(entry);
    if (object !== undefined) return object;
    if (entry.size === 0) return (await this.#staging.writeFile(metadata, 0, nothing())).checksum;
    throw new OstreeError(
      'LAYER_NOT_IMPORTABLE',
      `the content of ${JSON.stringify(entry.path.slice(0, 300))} did not come; stage the image again`,
    );
  }

  async #copyFrom(sources: Iterable<OstreeChecksum>, { entry, digest, metadata }: WantedFile): Promise<boolean> {
    for (const source of sources) {
      const stored = this.#staging.openFile(source);
      if (stored.linkTarget !== undefined || stored.size !== entry.size) continue;
      const { checksum, content } = await this.#staging.writeFile(metadata, entry.size, stored.read());
      if (content !== digest) continue;
      this.#objects.set(entry, checksum);
      return true;
    }
    return false;
  }

  *#sources(digest: Digest): Generator<OstreeChecksum, void, undefined> {
    for (const object of this.#options.index.withContent(digest)) if (this.#exists(object)) yield object;
  }

  /** Only of files with content, so that no link is in the way: this takes two thirds of the time of `hasObject`. */
  #exists(object: OstreeChecksum): boolean {
    return existsSync(this.#options.repository.objectPath(object, 'file'));
  }
}

/** Without files outside the tree that no hard link means: nothing needs their content. */
function relevantEntries(entries: readonly TocEntry[], rules: PathRules): TocEntry[] {
  const linked = new Set<string>();
  for (const { type, linkTarget } of entries)
    if (type === 'hardlink') linked.add(importPath(linkTarget ?? '', rules).path);
  return entries.filter((entry) => {
    if (entry.type !== 'file') return true;
    const { path, kept } = importPath(entry.path, rules);
    return kept || linked.has(path);
  });
}

/** One file for each content. */
function firstsByDigest(files: readonly WantedFile[]): WantedFile[] {
  const firsts = new Map<Digest, WantedFile>();
  for (const file of files) if (!firsts.has(file.digest)) firsts.set(file.digest, file);
  return [...firsts.values()];
}

function compressedSize({ entry }: WantedFile): number {
  return sumOf(entry.chunks, (chunk) => chunk.compressedSize);
}

/** With what the file system takes for the file itself; a file with attributes is there twice for a moment. */
function sizeOnDisk({ size, xattrs }: TocEntry): number {
  const blocks = Math.ceil(size / diskBlock) + 1;
  return blocks * diskBlock * (xattrs.size > 0 ? 2 : 1);
}

function sumOf<T>(values: readonly T[], measure: (value: T) => number): number {
  let sum = 0;
  for (const value of values) sum += measure(value);
  return sum;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
