import { OciError } from '../error.ts';

/** Is shown bytes as they are taken; they may share memory with what comes later. */
export type Tap = (bytes: Uint8Array) => void;

/** Reads exact numbers of bytes from a stream of chunks of any size, holding no more than one chunk beyond what is asked. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #tap: Tap | undefined;
  #chunk: Uint8Array = new Uint8Array();

  /** `tap` is shown what is taken by all methods but `some`. */
  constructor(source: AsyncIterable<Uint8Array>, tap?: Tap) {
    this.#source = source[Symbol.asyncIterator]();
    this.#tap = tap;
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
    const first = await this.#tapped(length);
    if (first === undefined || first.length === length) return first;
    const bytes = new Uint8Array(length);
    bytes.set(first);
    let filled = first.length;
    while (filled < length) {
      const part = await this.#tapped(length - filled);
      if (part === undefined) throw truncated();
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }

  /** @throws OciError LAYER_INVALID where the stream ends before `length` bytes */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      const part = await this.#tapped(left);
      if (part === undefined) throw truncated();
      left -= part.length;
    }
  }

  async skipToEnd(): Promise<void> {
    while ((await this.#tapped(Number.MAX_SAFE_INTEGER)) !== undefined);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #tapped(limit: number): Promise<Uint8Array | undefined> {
    const bytes = await this.some(limit);
    if (bytes !== undefined) this.#tap?.(bytes);
    return bytes;
  }
}

export function truncated(): OciError {
  return new OciError('LAYER_INVALID', 'the archive ends in the middle of an entry; push the image again');
}
