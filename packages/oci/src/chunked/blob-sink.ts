import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '../digest.ts';

/** Takes the bytes of a blob, in order; the next ones are given when it is done with these. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void> | void;

/** A blob on its way: how long it is, and its digest at the end. */
export class BlobSink {
  readonly #hash = createHash('sha256');
  readonly #write: WriteBytes;
  #size = 0;

  constructor(write: WriteBytes) {
    this.#write = write;
  }

  get size(): number {
    return this.#size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#hash.update(bytes);
    this.#size += bytes.length;
    await this.#write(bytes);
  }

  digest(): Digest {
    return parseDigest(`sha256:${this.#hash.digest('hex')}`);
  }
}
