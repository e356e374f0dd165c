// File objects with extended attributes. Node cannot set extended attributes, and a host need not have setfattr; `ostree`
// can. So these few files are written into a small repository of mode archive, whose format carries the attributes
// inside the file, and one `ostree pull-local` moves all of them into the real repository, checking each checksum.
// (`ostree commit --tree=tar=…` keeps them too, but it goes through libarchive's reading of pax names and values.)
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw } from 'node:zlib';
import { checksumOf, type OstreeChecksum } from './checksum.ts';
import { runCommand } from './command.ts';
import { encodeCommit } from './objects/commit.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from './objects/dirmeta.ts';
import { encodeDirectoryTree } from './objects/dirtree.ts';
import { createFileHash, encodeArchiveHeader, type FileMetadata, finishFileHash } from './objects/file.ts';
import { type ObjectType, Repository } from './repository.ts';

export class ArchiveObjects {
  readonly #archive: Repository;
  readonly #checksums = new Set<OstreeChecksum>();

  private constructor(archive: Repository) {
    this.#archive = archive;
  }

  static async create(directory: string): Promise<ArchiveObjects> {
    return new ArchiveObjects(await Repository.create(directory, 'archive'));
  }

  async writeFile(
    metadata: FileMetadata,
    size: number,
    content: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<OstreeChecksum> {
    const temporary = join(this.#archive.path, 'tmp', randomUUID());
    await writeFile(temporary, encodeArchiveHeader(metadata, size), { flag: 'wx' });
    const hash = createFileHash(metadata);
    await pipeline(
      async function* () {
        for await (const chunk of content) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createDeflateRaw({ level: 1 }),
      createWriteStream(temporary, { flags: 'a' }),
      { signal },
    );
    const checksum = finishFileHash(hash);
    await this.#place(temporary, checksum, 'file');
    this.#checksums.add(checksum);
    return checksum;
  }

  /** Moves the files that are to be kept into another repository; they are safe on its disk when this returns. */
  async moveTo(repository: Repository, keep: ReadonlySet<OstreeChecksum>, signal?: AbortSignal): Promise<void> {
    const kept = [...this.#checksums].filter((checksum) => keep.has(checksum));
    if (kept.length === 0) return;
    const tree = await this.#writeMetadata(
      'dirtree',
      encodeDirectoryTree({ files: new Map(kept.map((checksum) => [checksum, checksum])), directories: new Map() }),
    );
    const treeMetadata = await this.#writeMetadata('dirmeta', encodeDirectoryMetadata(defaultDirectoryMetadata));
    const commit = await this.#writeMetadata(
      'commit',
      encodeCommit({ metadata: new Map(), subject: '', body: '', timestamp: 0, tree, treeMetadata }),
    );
    await runCommand('ostree', ['pull-local', '--untrusted', `--repo=${repository.path}`, this.#archive.path, commit], {
      signal,
    });
    // What carried the files over has done its work; the commit first, so that it never names a tree that is gone.
    await rm(repository.objectPath(commit, 'commit'), { force: true });
    await rm(repository.objectPath(tree, 'dirtree'), { force: true });
  }

  async #writeMetadata(type: ObjectType, bytes: Uint8Array): Promise<OstreeChecksum> {
    const temporary = join(this.#archive.path, 'tmp', randomUUID());
    await writeFile(temporary, bytes, { flag: 'wx' });
    const checksum = checksumOf(bytes);
    await this.#place(temporary, checksum, type);
    return checksum;
  }

  async #place(temporary: string, checksum: OstreeChecksum, type: ObjectType): Promise<void> {
    const path = this.#archive.objectPath(checksum, type);
    await mkdir(dirname(path), { recursive: true });
    await rename(temporary, path);
  }
}
