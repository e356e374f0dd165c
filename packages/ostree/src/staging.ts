// Objects on their way into a repository of mode bare. They are written into a directory of their own and get their names
// only when all of them are complete and on the disk: an object's name is a promise that later imports, `ostree fsck` and
// deployments rely on, also after a power cut. libostree does the same (ostree-repo-commit.c, "staging" directories).
//
// All but the largest objects are written with synchronous calls: there are tens of thousands of them, each takes
// microseconds, and the hops to the thread pool would take most of an import's time.
import { createHash, hash } from 'node:crypto';
import { lchownSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Digest, parseDigest } from '@varve/oci';
import { ArchiveObjects } from './archive-objects.ts';
import { checksumOf, type OstreeChecksum, parseChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import type { ObjectIndex } from './object-index.ts';
import { createFileHash, encodeFileHeader, type FileMetadata, finishFileHash } from './objects/file.ts';
import type { ObjectType, Repository } from './repository.ts';
import { openBareFile, type StoredFile } from './stored-file.ts';
import { maximumSingly, syncFileSystem, syncPaths } from './sync.ts';
import { removeTemporary, temporaryPath } from './temporary.ts';
import { setOwnership, writeWhole } from './write-file.ts';

/** What a layer has that is verified object by object is made safe each time that it is this much. */
const publishedAtOnce = 64 * 1024 * 1024;

/**
 * Files up to this size are hashed before they are written, so that one that is there already costs no write, and are
 * written in one go. Of an operating system's files, all but one in three hundred are that small.
 */
const smallFileSize = 1024 * 1024;

const metadataOwnership = { uid: 0, gid: 0, mode: 0o644 };

export interface WrittenFile {
  readonly checksum: OstreeChecksum;
  /** Of its bytes; symbolic links have none. */
  readonly content?: Digest | undefined;
}

/** Takes one object at a time. */
export class ObjectStaging implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #index: ObjectIndex;
  readonly #directory: string;
  readonly #signal: AbortSignal | undefined;
  /** By type: the numbers under which objects lie in the directory. */
  readonly #objects = {
    file: new Map<OstreeChecksum, number>(),
    dirmeta: new Map<OstreeChecksum, number>(),
    dirtree: new Map<OstreeChecksum, number>(),
    commit: new Map<OstreeChecksum, number>(),
  } satisfies Record<ObjectType, Map<OstreeChecksum, number>>;
  /** Numbers of symbolic links. */
  readonly #links = new Set<number>();
  /** By name: the commit, and the number of the file that is to be the ref. */
  readonly #refs = new Map<string, { commit: OstreeChecksum; number: number }>();
  #keep: ReadonlySet<OstreeChecksum> | undefined;
  #archive: ArchiveObjects | undefined;
  #count = 0;
  #unpublished = 0;
  /** One buffer for all small files, because making one for each keeps the garbage collector busy. */
  #buffer = Buffer.alloc(0);

  private constructor(repository: Repository, directory: string, index: ObjectIndex, signal: AbortSignal | undefined) {
    this.#repository = repository;
    this.#directory = directory;
    this.#index = index;
    this.#signal = signal;
  }

  /**
   * What is written is noted in `index`.
   * @throws OstreeError REPOSITORY_INVALID when the repository has another mode than bare
   */
  static async open(repository: Repository, index: ObjectIndex, signal?: AbortSignal): Promise<ObjectStaging> {
    if (repository.mode !== 'bare') {
      throw new OstreeError(
        'REPOSITORY_INVALID',
        `images can be imported only into a repository of mode bare; ${repository.path} has the mode ${repository.mode}`,
      );
    }
    const directory = temporaryPath(repository.path);
    await mkdir(directory, { mode: 0o700 });
    return new ObjectStaging(repository, directory, index, signal);
  }

  /** Writes a regular file of `size` bytes, or a symbolic link, as a file object. */
  async writeFile(metadata: FileMetadata, size: number, content: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    const written = await this.#writeFile(metadata, size, content);
    this.#unpublished += size;
    if (written.content !== undefined && size > 0) this.#index.add(written.content, metadata, written.checksum);
    return written;
  }

  async #writeFile(metadata: FileMetadata, size: number, content: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    if (metadata.xattrs.size > 0) {
      this.#count++;
      this.#archive ??= await ArchiveObjects.create(this.#pathOf(this.#count));
      return this.#archive.writeFile(metadata, size, content);
    }
    if (metadata.linkTarget !== undefined) return { checksum: this.#writeSymlink(metadata, metadata.linkTarget) };
    if (size <= smallFileSize) return this.#writeSmallFile(metadata, size, content);
    return this.#writeLargeFile(metadata, content);
  }

  /** Opens a file that was written here or is in the repository. */
  openFile(checksum: OstreeChecksum): StoredFile {
    if (this.#archive?.has(checksum)) return this.#archive.openFile(checksum);
    const number = this.#objects.file.get(checksum);
    return number === undefined ? this.#repository.openFile(checksum) : openBareFile(this.#pathOf(number));
  }

  writeMetadata(type: 'dirtree' | 'dirmeta' | 'commit', bytes: Uint8Array): OstreeChecksum {
    const checksum = checksumOf(bytes);
    if (!this.#isKnown(checksum, type)) {
      this.#write(bytes, metadataOwnership);
      this.#objects[type].set(checksum, this.#count);
    }
    return checksum;
  }

  /** Lets a ref name a commit when that is published: the commit is then complete. */
  writeRef(name: string, commit: OstreeChecksum): void {
    this.#write(Buffer.from(`${commit}\n`), metadataOwnership);
    this.#refs.set(name, { commit, number: this.#count });
  }

  /** Of the files, only these get names from now on. */
  keepOnly(files: ReadonlySet<OstreeChecksum>): void {
    this.#keep = files;
  }

  /** Gives the objects their names when there are many bytes: an import that is killed does not fetch them again. */
  async publishMany(): Promise<void> {
    if (this.#unpublished < publishedAtOnce) return;
    await this.publish();
    await this.#index.save();
  }

  /**
   * Gives the objects their names. When this returns, everything is on the disk; a commit among the objects was named after
   * what it names, and a ref after its commit: nobody ever sees one without its content.
   */
  async publish(): Promise<void> {
    await this.#repository.publish(() => this.#publish());
  }

  async #publish(): Promise<void> {
    if (this.#archive === undefined) await syncPaths(this.#pathsToSync(), this.#signal);
    else {
      await this.#archive.moveTo(this.#repository, this.#keep, this.#signal);
      this.#archive = undefined;
      await syncFileSystem(this.#directory, this.#signal);
    }
    this.#unpublished = 0;
    await this.#place(['file', 'dirmeta', 'dirtree']);
    await this.#place(['commit']);
    await this.#placeRefs();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTemporary(this.#directory);
  }

  #writeSymlink(metadata: FileMetadata, target: string): OstreeChecksum {
    const checksum = finishFileHash(createFileHash(metadata));
    if (!this.#isKnown(checksum, 'file')) {
      const path = this.#nextPath();
      symlinkSync(target, path);
      lchownSync(path, metadata.uid, metadata.gid);
      this.#links.add(this.#count);
      this.#objects.file.set(checksum, this.#count);
    }
    return checksum;
  }

  async #writeSmallFile(
    metadata: FileMetadata,
    size: number,
    content: AsyncIterable<Uint8Array>,
  ): Promise<WrittenFile> {
    const header = encodeFileHeader(metadata);
    if (this.#buffer.length < header.length + size)
      this.#buffer = Buffer.allocUnsafeSlow(header.length + smallFileSize);
    // Copied, because a source may use the memory behind a chunk again for the next one.
    this.#buffer.set(header);
    let length = header.length;
    for await (const chunk of content) {
      this.#buffer.set(chunk, length);
      length += chunk.length;
    }
    const bytes = this.#buffer.subarray(header.length, length);
    const checksum = parseChecksum(hash('sha256', this.#buffer.subarray(0, length)));
    if (!this.#isKnown(checksum, 'file')) {
      this.#write(bytes, metadata);
      this.#objects.file.set(checksum, this.#count);
    }
    return { checksum, content: parseDigest(`sha256:${hash('sha256', bytes)}`) };
  }

  async #writeLargeFile(metadata: FileMetadata, content: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    const path = this.#nextPath();
    const number = this.#count;
    const fileHash = createFileHash(metadata);
    const contentHash = createHash('sha256');
    {
      await using file = await open(path, 'wx', 0o600);
      for await (const chunk of content) {
        this.#signal?.throwIfAborted();
        // Another thread writes while this one hashes.
        const written = file.writeFile(chunk);
        fileHash.update(chunk);
        contentHash.update(chunk);
        await written;
      }
      setOwnership(file.fd, metadata);
    }
    const checksum = finishFileHash(fileHash);
    if (this.#isKnown(checksum, 'file')) unlinkSync(path);
    else this.#objects.file.set(checksum, number);
    return { checksum, content: parseDigest(`sha256:${contentHash.digest('hex')}`) };
  }

  #isKnown(checksum: OstreeChecksum, type: ObjectType): boolean {
    return this.#objects[type].has(checksum) || this.#repository.hasObject(checksum, type);
  }

  /** Writes the next file. Few files are flushed at once, since each is synced by itself. */
  #write(bytes: Uint8Array, metadata: Pick<FileMetadata, 'uid' | 'gid' | 'mode'>): void {
    const path = this.#nextPath();
    writeWhole(path, bytes, metadata, this.#count <= maximumSingly);
  }

  #nextPath(): string {
    this.#count++;
    return this.#pathOf(this.#count);
  }

  #pathOf(number: number): string {
    // Not by `join`, which costs as much as a call to the system.
    return `${this.#directory}/${number}`;
  }

  /** All that gets a name. Symbolic links last with the directory that they are in. */
  *#pathsToSync(): Generator<string, void, undefined> {
    yield this.#directory;
    const { file, dirmeta, dirtree, commit } = this.#objects;
    for (const [checksum, number] of file) {
      if (!this.#links.has(number) && this.#keep?.has(checksum) !== false) yield this.#pathOf(number);
    }
    for (const { number } of this.#refs.values()) yield this.#pathOf(number);
    for (const objects of [dirmeta, dirtree, commit]) {
      for (const number of objects.values()) yield this.#pathOf(number);
    }
  }

  /** Names objects, and lets the names last, also when it fails in the middle: the next import takes for granted what it sees. */
  async #place(types: readonly ObjectType[]): Promise<void> {
    const directories = new Set<string>();
    try {
      for (const type of types) {
        for (const [checksum, number] of this.#objects[type]) {
          if (type === 'file' && this.#keep?.has(checksum) === false) continue;
          const place = this.#repository.objectPath(checksum, type);
          const directory = dirname(place);
          // A new directory lasts only when the one that it is in does.
          if (!directories.has(directory) && mkdirSync(directory, { recursive: true }) !== undefined)
            directories.add(dirname(directory));
          directories.add(directory);
          renameSync(this.#pathOf(number), place);
        }
        this.#objects[type].clear();
      }
    } finally {
      await syncPaths([...directories]);
    }
  }

  async #placeRefs(): Promise<void> {
    const files = new Map<string, string>();
    for (const [name, { commit, number }] of this.#refs) {
      await this.#repository.markComplete(commit);
      files.set(name, this.#pathOf(number));
    }
    await this.#repository.placeRefs(files);
    this.#refs.clear();
  }
}
