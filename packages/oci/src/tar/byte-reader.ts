import { OciError } from '../error.ts';

/** Reads exact numbers of bytes from a stream of chunks of any size, holding no more than one chunk beyond what is asked. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, at least one and at most `limit`; undefined at the end. The result may share memory with the source. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#chunk = next.value;
    }
    const taken = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /**
   * Exactly `length` bytes, or undefined where the stream ends before the first of them.
   * @throws OciError LAYER_INVALID where it ends among them
   */
  async exactly(length: number): Promise<Uint8Array | undefined> {
    const first = await this.some(length);
    if (first === undefined || first.length === length) return first;
    const bytes = new Uint8Array(length);
    bytes.set(first);
    let filled = first.length;
    while (filled < length) {
      const part = await this.some(length - filled);
      if (part === undefined) throw truncated();
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /** @throws OciError LAYER_INVALID where the stream ends before `length` bytes */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      const part = await this.some(left);
      if (part === undefined) throw truncated();
      left -= part.length;
    }
  }

  async skipToEnd(): Promise<void> {
    while ((await this.some(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

export function truncated(): OciError {
  return new OciError('LAYER_INVALID', 'the archive ends in the middle of an entry; push the image again');
}
