// The files of a layout: in a directory, or in an archive that is not unpacked for it.
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError } from '../error.ts';
import type { BlobRange } from '../ranges/open-ranges.ts';
import { readTar } from '../tar/read.ts';

const readSize = 1024 * 1024;
const maximumArchiveEntries = 100_000;

/** Paths are relative, with `/`, and come from parsers that let no `..` pass. */
export interface LayoutFiles extends AsyncDisposable {
  /** Bytes of a file; undefined where there is none. */
  size(path: string): Promise<number | undefined>;
  /** A part of a file. */
  read(path: string, range: BlobRange): AsyncGenerator<Uint8Array, void, undefined>;
}

export class DirectoryFiles implements LayoutFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async size(path: string): Promise<number | undefined> {
    await using file = await openIfExists(join(this.#directory, path));
    const stats = await file?.stat();
    return stats?.isFile() ? stats.size : undefined;
  }

  async *read(path: string, range: BlobRange): AsyncGenerator<Uint8Array, void, undefined> {
    await using file = await open(join(this.#directory, path), 'r');
    yield* readRange(file, range);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export class ArchiveFiles implements LayoutFiles {
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, BlobRange>;

  private constructor(file: FileHandle, entries: ReadonlyMap<string, BlobRange>) {
    this.#file = file;
    this.#entries = entries;
  }

  /**
   * Reads which files the archive has, and where.
   * @throws OciError IMAGE_LAYOUT_INVALID, LAYER_INVALID where it is no archive, and what opening a file throws
   */
  static async open(path: string, signal?: AbortSignal): Promise<ArchiveFiles> {
    const file = await open(path, 'r');
    try {
      return new ArchiveFiles(file, await indexArchive(file, path, signal));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async size(path: string): Promise<number | undefined> {
    return this.#entries.get(path)?.length;
  }

  async *read(path: string, range: BlobRange): AsyncGenerator<Uint8Array, void, undefined> {
    const entry = this.#entries.get(path);
    if (entry === undefined || range.offset + range.length > entry.length) {
      throw new RangeError(`the archive has no such bytes of ${path}`);
    }
    yield* readRange(this.#file, { offset: entry.offset + range.offset, length: range.length });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function indexArchive(
  file: FileHandle,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Map<string, BlobRange>> {
  const { size } = await file.stat();
  const entries = new Map<string, BlobRange>();
  let position = 0;
  const archive = readTar(readRange(file, { offset: 0, length: size }, signal), (bytes) => {
    position += bytes.length;
  });
  for await (const { path: name, type, size: length, linkTarget } of archive) {
    const cleaned = name.replace(/^(?:\.?\/)+/, '');
    if (type === 'file') entries.set(cleaned, { offset: position, length });
    // Old versions of docker save write a layer that two images share once.
    const target = type === 'symlink' ? entries.get((linkTarget ?? '').replace(/^(?:\.\.\/)+/, '')) : undefined;
    if (target !== undefined) entries.set(cleaned, target);
    if (entries.size > maximumArchiveEntries) {
      throw new OciError(
        'IMAGE_LAYOUT_INVALID',
        `${path} has more than ${maximumArchiveEntries} files; it holds no image`,
      );
    }
  }
  return entries;
}

async function* readRange(
  file: FileHandle,
  { offset, length }: BlobRange,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = offset; position < offset + length; ) {
    signal?.throwIfAborted();
    const buffer = Buffer.alloc(Math.min(readSize, offset + length - position));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function openIfExists(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
