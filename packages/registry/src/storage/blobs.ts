import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '@varve/oci';
import { hasSystemCode, RegistryError } from '../error.ts';
import { linkFile, makeDirectory, removeFile, syncDirectory } from './durable.ts';
import { namesIfExists, statIfExists, unlessMissing } from './existing.ts';
import type { StoragePaths } from './paths.ts';
import type { Chunk, Upload } from './upload.ts';
import { Uploads } from './uploads.ts';

/** Blobs by repository. What a repository serves is a hard link, so that the file system counts who uses a blob. */
export class Blobs {
  readonly #paths: StoragePaths;
  readonly #uploads: Uploads;

  constructor(paths: StoragePaths) {
    this.#paths = paths;
    this.#uploads = new Uploads(paths.uploads);
  }

  /** @throws RegistryError TOOMANYREQUESTS */
  async startUpload(repository: string): Promise<Upload> {
    return this.#uploads.start(repository);
  }

  /** @throws RegistryError BLOB_UPLOAD_UNKNOWN */
  findUpload(repository: string, id: string): Upload {
    return this.#uploads.find(repository, id);
  }

  async cancelUpload(upload: Upload): Promise<void> {
    await this.#uploads.end(upload);
  }

  /**
   * Appends to an upload. One that fills the disk is given up, for its space to be free again.
   * @throws RegistryError SIZE_INVALID, STORAGE_FULL
   */
  async append(upload: Upload, chunk: Chunk): Promise<void> {
    try {
      await upload.append(chunk);
    } catch (error) {
      if (hasSystemCode(error, 'STORAGE_FULL')) await this.#uploads.end(upload);
      throw error;
    }
  }

  /**
   * Appends the last piece of an upload and makes the blob visible. An upload of a wrong digest is over; one whose last
   * piece breaks off can go on.
   * @throws RegistryError DIGEST_INVALID, SIZE_INVALID, STORAGE_FULL
   */
  async finishUpload(upload: Upload, digest: Digest, last: Chunk): Promise<void> {
    await this.append(upload, last);
    try {
      await upload.complete(digest);
      const blob = this.#paths.blob(digest);
      await makeDirectory(dirname(blob));
      await rename(upload.path, blob);
      await syncDirectory(dirname(blob));
      await linkFile(blob, this.#paths.repositoryBlob(upload.repository, digest));
    } finally {
      await this.#uploads.end(upload);
    }
  }

  /** Lets a repository serve a blob that another one has; false where that has none. */
  async mount(repository: string, digest: Digest, from: string): Promise<boolean> {
    const source = this.#paths.repositoryBlob(from, digest);
    if ((await statIfExists(source)) === undefined) return false;
    await linkFile(source, this.#paths.repositoryBlob(repository, digest));
    return true;
  }

  /** Bytes of a blob; undefined where the repository has none. */
  async size(repository: string, digest: Digest): Promise<number | undefined> {
    return (await statIfExists(this.#paths.repositoryBlob(repository, digest)))?.size;
  }

  /** @throws RegistryError BLOB_UNKNOWN */
  async open(repository: string, digest: Digest): Promise<{ file: FileHandle; size: number }> {
    const file = await unlessMissing(open(this.#paths.repositoryBlob(repository, digest), 'r'));
    if (file === undefined) throw blobUnknown(repository, digest);
    return { file, size: (await file.stat()).size };
  }

  /**
   * Takes a blob from a repository; its space is freed with the last repository that has it.
   * @throws RegistryError BLOB_UNKNOWN
   */
  async delete(repository: string, digest: Digest): Promise<void> {
    if (!(await removeFile(this.#paths.repositoryBlob(repository, digest)))) throw blobUnknown(repository, digest);
    // A repository that links the blob between these two lines keeps its own link: only the shared name is lost.
    const shared = await statIfExists(this.#paths.blob(digest));
    if (shared?.nlink === 1) await removeFile(this.#paths.blob(digest));
  }

  /** Removes what an earlier process left: its uploads, and blobs that were complete and had no repository yet. */
  async clean(): Promise<void> {
    await this.#uploads.clean();
    for (const folder of (await namesIfExists(this.#paths.blobs)) ?? []) {
      for (const name of (await namesIfExists(join(this.#paths.blobs, folder))) ?? []) {
        const path = join(this.#paths.blobs, folder, name);
        if ((await statIfExists(path))?.nlink === 1) await removeFile(path);
      }
    }
  }

  async close(): Promise<void> {
    await this.#uploads.endAll();
  }
}

export function blobUnknown(repository: string, digest: Digest): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', `${repository} has no blob ${digest}; check the digest, or push it`);
}
