import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Digest } from '@varve/oci';
import { hasSystemCode, RegistryError } from '../error.ts';

/** One piece of an upload. */
export interface Chunk {
  source: AsyncIterable<Uint8Array>;
  /** Bytes that the piece must have, where the client said so. */
  length?: number;
}

/** A blob on its way in: a file and the hash of what is in it. Not visible to anybody before it is complete. */
export class Upload {
  readonly id: string;
  readonly repository: string;
  readonly path: string;
  readonly #file: FileHandle;
  #hash: Hash = createHash('sha256');
  #size = 0;
  #isBusy = false;
  #lastUse = Date.now();

  constructor(id: string, repository: string, path: string, file: FileHandle) {
    this.id = id;
    this.repository = repository;
    this.path = path;
    this.#file = file;
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#size;
  }

  isIdleSince(time: number): boolean {
    return !this.#isBusy && this.#lastUse < time;
  }

  /**
   * Runs one operation; a second at the same time is refused.
   * @throws RegistryError BLOB_UPLOAD_INVALID (409)
   */
  async exclusively<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#isBusy) {
      throw new RegistryError(
        'BLOB_UPLOAD_INVALID',
        `another request writes upload ${this.id}; wait for it, then ask for the upload's state`,
        {
          status: 409,
        },
      );
    }
    this.#isBusy = true;
    try {
      return await operation();
    } finally {
      this.#isBusy = false;
      this.#lastUse = Date.now();
    }
  }

  /**
   * Appends a piece. What arrived of a piece that breaks off stays, for the client to go on behind it; a piece of a wrong
   * length is taken back.
   * @throws RegistryError SIZE_INVALID, STORAGE_FULL
   */
  async append({ source, length }: Chunk): Promise<void> {
    const before = { size: this.#size, hash: this.#hash.copy() };
    for await (const bytes of source) {
      if (length !== undefined && this.#size + bytes.length > before.size + length) break;
      await this.#write(bytes);
    }
    if (length === undefined || this.#size === before.size + length) return;
    await this.#file.truncate(before.size);
    this.#size = before.size;
    this.#hash = before.hash;
    throw new RegistryError(
      'SIZE_INVALID',
      `a piece of upload ${this.id} does not have the ${length} bytes that its headers say; send it again`,
    );
  }

  /** @throws RegistryError DIGEST_INVALID */
  async complete(digest: Digest): Promise<void> {
    const actual = `sha256:${this.#hash.copy().digest('hex')}`;
    if (actual !== digest) {
      throw new RegistryError(
        'DIGEST_INVALID',
        `the upload should be ${digest} and is ${actual}: it was damaged on the way; send it again`,
      );
    }
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const part = bytes.subarray(written);
      const { bytesWritten } = await this.#writeAt(part, this.#size);
      this.#hash.update(part.subarray(0, bytesWritten));
      this.#size += bytesWritten;
      written += bytesWritten;
    }
  }

  async #writeAt(bytes: Uint8Array, position: number): Promise<{ bytesWritten: number }> {
    try {
      return await this.#file.write(bytes, 0, bytes.length, position);
    } catch (cause) {
      if (!hasSystemCode(cause, 'ENOSPC', 'EDQUOT', 'EFBIG')) throw cause;
      throw new RegistryError('STORAGE_FULL', "the registry's disk is full; free space and push again", { cause });
    }
  }
}
