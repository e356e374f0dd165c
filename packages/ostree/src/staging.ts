// Objects on their way into a repository of mode bare. They are written into a directory of their own and get their names
// only when all of them are complete and on the disk: an object's name is a promise that later imports, `ostree fsck` and
// deployments rely on, also after a power cut. libostree does the same (ostree-repo-commit.c, "staging" directories).
//
// Small objects are written with synchronous calls: there are tens of thousands of them, each takes microseconds, and the
// hops to the thread pool would take most of an import's time.
import {
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ArchiveObjects } from './archive-objects.ts';
import { checksumOf, type OstreeChecksum } from './checksum.ts';
import { runCommand } from './command.ts';
import { OstreeError } from './error.ts';
import { createFileHash, type FileMetadata, finishFileHash } from './objects/file.ts';
import { type ObjectType, type Repository, syncDirectory } from './repository.ts';
import { temporaryPath } from './temporary.ts';

/** Files up to this size are hashed before they are written, so that one that is there already costs no write. */
const smallFileSize = 64 * 1024;

interface StagedObject {
  readonly path: string;
  readonly type: ObjectType;
  readonly checksum: OstreeChecksum;
}

/** Owner and permissions of an object's file in the repository; metadata objects are root's and 0644. */
type Ownership = Pick<FileMetadata, 'uid' | 'gid' | 'mode'>;

const metadataOwnership: Ownership = { uid: 0, gid: 0, mode: 0o644 };

export class ObjectStaging implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #directory: string;
  readonly #signal: AbortSignal | undefined;
  readonly #objects = new Map<string, StagedObject>();
  #archive: Promise<ArchiveObjects> | undefined;
  #count = 0;

  private constructor(repository: Repository, directory: string, signal: AbortSignal | undefined) {
    this.#repository = repository;
    this.#directory = directory;
    this.#signal = signal;
  }

  /** @throws OstreeError REPOSITORY_INVALID when the repository has another mode than bare */
  static async open(repository: Repository, signal?: AbortSignal): Promise<ObjectStaging> {
    if (repository.mode !== 'bare') {
      throw new OstreeError(
        'REPOSITORY_INVALID',
        `images can be imported only into a repository of mode bare; ${repository.path} has the mode ${repository.mode}`,
      );
    }
    const directory = temporaryPath(repository.path);
    await mkdir(directory, { mode: 0o700 });
    return new ObjectStaging(repository, directory, signal);
  }

  /** Writes a regular file of `size` bytes, or a symbolic link, as a file object. */
  async writeFile(metadata: FileMetadata, size: number, content: AsyncIterable<Uint8Array>): Promise<OstreeChecksum> {
    if (metadata.xattrs.size > 0) {
      this.#archive ??= ArchiveObjects.create(join(this.#directory, 'archive'));
      return (await this.#archive).writeFile(metadata, size, content, this.#signal);
    }
    if (metadata.linkTarget !== undefined) return this.#writeSymlink(metadata, metadata.linkTarget);
    if (size <= smallFileSize) return this.#writeSmallFile(metadata, size, content);
    return this.#writeLargeFile(metadata, content);
  }

  writeMetadata(type: 'dirtree' | 'dirmeta' | 'commit', bytes: Uint8Array): OstreeChecksum {
    const checksum = checksumOf(bytes);
    if (!this.#isKnown(checksum, type)) {
      const path = this.#nextPath();
      writeWhole(path, bytes, metadataOwnership);
      this.#add({ path, type, checksum });
    }
    return checksum;
  }

  /**
   * Gives the objects their names. Files that are not in `keep` are left out. When this returns, everything is on the
   * disk, and a commit among the objects was named last: nobody ever sees a commit without its content.
   */
  async publish(keep: ReadonlySet<OstreeChecksum>): Promise<void> {
    await (await this.#archive)?.moveTo(this.#repository, keep, this.#signal);
    const objects = [...this.#objects.values()].filter(({ type, checksum }) => type !== 'file' || keep.has(checksum));
    const commits = objects.filter(({ type }) => type === 'commit');
    const others = objects.filter(({ type }) => type !== 'commit');
    await this.#sync();
    this.#place(others);
    await this.#sync();
    this.#place(commits);
    for (const { checksum } of commits) await syncDirectory(dirname(this.#repository.objectPath(checksum, 'commit')));
    this.#objects.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive?.catch(() => undefined);
    await rm(this.#directory, { recursive: true, force: true });
  }

  #writeSymlink(metadata: FileMetadata, target: string): OstreeChecksum {
    const checksum = finishFileHash(createFileHash(metadata));
    if (!this.#isKnown(checksum, 'file')) {
      const path = this.#nextPath();
      symlinkSync(target, path);
      lchownSync(path, metadata.uid, metadata.gid);
      this.#add({ path, type: 'file', checksum });
    }
    return checksum;
  }

  async #writeSmallFile(
    metadata: FileMetadata,
    size: number,
    content: AsyncIterable<Uint8Array>,
  ): Promise<OstreeChecksum> {
    // A copy, because a source may use the memory behind a chunk again for the next one.
    const bytes = Buffer.allocUnsafe(size);
    let length = 0;
    for await (const chunk of content) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    const checksum = finishFileHash(createFileHash(metadata).update(bytes.subarray(0, length)));
    if (!this.#isKnown(checksum, 'file')) {
      const path = this.#nextPath();
      writeWhole(path, bytes.subarray(0, length), metadata);
      this.#add({ path, type: 'file', checksum });
    }
    return checksum;
  }

  async #writeLargeFile(metadata: FileMetadata, content: AsyncIterable<Uint8Array>): Promise<OstreeChecksum> {
    const path = this.#nextPath();
    const hash = createFileHash(metadata);
    {
      await using file = await open(path, 'wx', 0o600);
      for await (const chunk of content) {
        this.#signal?.throwIfAborted();
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      setOwnership(file.fd, metadata);
    }
    const checksum = finishFileHash(hash);
    if (this.#isKnown(checksum, 'file')) unlinkSync(path);
    else this.#add({ path, type: 'file', checksum });
    return checksum;
  }

  #isKnown(checksum: OstreeChecksum, type: ObjectType): boolean {
    return this.#objects.has(`${checksum}.${type}`) || this.#repository.hasObject(checksum, type);
  }

  #add(object: StagedObject): void {
    this.#objects.set(`${object.checksum}.${object.type}`, object);
  }

  #nextPath(): string {
    this.#count++;
    return join(this.#directory, String(this.#count));
  }

  #place(objects: readonly StagedObject[]): void {
    for (const { path, type, checksum } of objects) {
      const place = this.#repository.objectPath(checksum, type);
      mkdirSync(dirname(place), { recursive: true });
      renameSync(path, place);
    }
  }

  async #sync(): Promise<void> {
    await runCommand('sync', ['--file-system', this.#directory], { signal: this.#signal });
  }
}

function writeWhole(path: string, bytes: Uint8Array, ownership: Ownership): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    setOwnership(descriptor, ownership);
  } finally {
    closeSync(descriptor);
  }
}

/** The owner first: the kernel clears setuid and setgid when it changes. The time of every file in a bare repository is 0. */
function setOwnership(descriptor: number, { uid, gid, mode }: Ownership): void {
  fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o7777);
  futimesSync(descriptor, 0, 0);
}
