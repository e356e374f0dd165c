// File objects with extended attributes. Node cannot set extended attributes, and a host need not have setfattr; `ostree`
// can. So these files are written into a small repository of mode archive, whose format carries the attributes inside the
// file, and one `ostree pull-local` moves all of them into the real repository, checking each checksum.
// (`ostree commit --tree=tar=…` keeps them too, but it goes through libarchive's reading of pax names and values.)
import { createHash } from 'node:crypto';
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, parseDigest } from '@varve/oci';
import { checksumOf, type OstreeChecksum } from './checksum.ts';
import { runCommand } from './command.ts';
import { encodeCommit } from './objects/commit.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from './objects/dirmeta.ts';
import { encodeDirectoryTree } from './objects/dirtree.ts';
import { createFileHash, encodeArchiveHeader, type FileMetadata, finishFileHash } from './objects/file.ts';
import { type ObjectType, Repository } from './repository.ts';
import type { StoredFile } from './stored-file.ts';

/** RFC 1951, 3.2.4: a block of bytes as they are. The objects live for a moment, so that compressing costs more than it saves. */
const storedBlockSize = 65_535;
const lastBlock = Buffer.from([1, 0, 0, 0xff, 0xff]);

export class ArchiveObjects {
  readonly #archive: Repository;
  readonly #checksums = new Set<OstreeChecksum>();
  readonly #directories = new Set<string>();

  private constructor(archive: Repository) {
    this.#archive = archive;
  }

  static async create(directory: string): Promise<ArchiveObjects> {
    return new ArchiveObjects(await Repository.create(directory, 'archive'));
  }

  has(checksum: OstreeChecksum): boolean {
    return this.#checksums.has(checksum);
  }

  openFile(checksum: OstreeChecksum): StoredFile {
    return this.#archive.openFile(checksum);
  }

  async writeFile(
    metadata: FileMetadata,
    size: number,
    content: AsyncIterable<Uint8Array>,
  ): Promise<{ checksum: OstreeChecksum; content: Digest }> {
    const temporary = join(this.#archive.path, 'tmp/file');
    const hash = createFileHash(metadata);
    const contentHash = createHash('sha256');
    const descriptor = openSync(temporary, 'w');
    try {
      writeAll(descriptor, [encodeArchiveHeader(metadata, size)]);
      for await (const chunk of content) {
        hash.update(chunk);
        contentHash.update(chunk);
        for (let start = 0; start < chunk.length; start += storedBlockSize) {
          writeAll(descriptor, storedBlock(chunk.subarray(start, start + storedBlockSize)));
        }
      }
      writeAll(descriptor, [lastBlock]);
    } finally {
      closeSync(descriptor);
    }
    const checksum = finishFileHash(hash);
    await this.#place(temporary, checksum, 'file');
    this.#checksums.add(checksum);
    return { checksum, content: parseDigest(`sha256:${contentHash.digest('hex')}`) };
  }

  /** Moves files into another repository, all or those to `keep`; they are safe on its disk when this returns. */
  async moveTo(
    repository: Repository,
    keep: ReadonlySet<OstreeChecksum> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const kept = [...this.#checksums].filter((checksum) => keep?.has(checksum) ?? true);
    if (kept.length === 0) return;
    // Names that no other tree has: this one is removed again, and nothing else may be.
    const files = new Map(kept.map((checksum) => [`.varve-${checksum}`, checksum]));
    const tree = await this.#writeMetadata('dirtree', encodeDirectoryTree({ files, directories: new Map() }));
    const treeMetadata = await this.#writeMetadata('dirmeta', encodeDirectoryMetadata(defaultDirectoryMetadata));
    const commit = await this.#writeMetadata(
      'commit',
      encodeCommit({ metadata: new Map(), subject: '', body: '', timestamp: 0, tree, treeMetadata }),
    );
    // `ostree` names the objects in any order. The mark lasts, so that a commit that is seen without its files is known for one.
    await repository.markPartial(commit);
    await runCommand('ostree', ['pull-local', '--untrusted', `--repo=${repository.path}`, this.#archive.path, commit], {
      signal,
    });
    // What carried the files over has done its work; the commit first, so that it never names a tree that is gone.
    await rm(repository.objectPath(commit, 'commit'), { force: true });
    await rm(repository.objectPath(tree, 'dirtree'), { force: true });
    await repository.markComplete(commit);
  }

  async #writeMetadata(type: ObjectType, bytes: Uint8Array): Promise<OstreeChecksum> {
    const temporary = join(this.#archive.path, 'tmp/metadata');
    const descriptor = openSync(temporary, 'w');
    try {
      writeAll(descriptor, [bytes]);
    } finally {
      closeSync(descriptor);
    }
    const checksum = checksumOf(bytes);
    await this.#place(temporary, checksum, type);
    return checksum;
  }

  async #place(temporary: string, checksum: OstreeChecksum, type: ObjectType): Promise<void> {
    const path = this.#archive.objectPath(checksum, type);
    const directory = dirname(path);
    if (!this.#directories.has(directory)) await mkdir(directory, { recursive: true });
    this.#directories.add(directory);
    renameSync(temporary, path);
  }
}

function storedBlock(bytes: Uint8Array): [header: Uint8Array, bytes: Uint8Array] {
  const header = Buffer.alloc(5);
  header.writeUInt16LE(bytes.length, 1);
  header.writeUInt16LE(~bytes.length & 0xffff, 3);
  return [header, bytes];
}

function writeAll(descriptor: number, parts: readonly Uint8Array[]): void {
  let bytes = Buffer.concat(parts);
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(descriptor, bytes));
}
