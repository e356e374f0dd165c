import type { Descriptor, Digest, OpenRanges } from '@varve/oci';

export interface ImportProgress {
  readonly step: 'fetch' | 'merge' | 'done';
  /** Fetched until now, as they are in the registry. */
  readonly bytesDone: number;
  /** To fetch, as far as is known: it falls when a layer's table of contents shows that the host has files of it. */
  readonly bytesTotal: number;
  /** Of the layers that the repository does not have: what need not be fetched, because it has their files. */
  readonly bytesReused: number;
}

/** Counts what an import fetches. */
export class Progress {
  readonly #report: ((progress: ImportProgress) => void) | undefined;
  /** Bytes to fetch of each layer. */
  readonly #planned = new Map<Digest, number>();
  #step: ImportProgress['step'] = 'fetch';
  #bytesDone = 0;
  #bytesTotal = 0;
  #bytesReused = 0;

  constructor(report: ((progress: ImportProgress) => void) | undefined) {
    this.#report = report;
  }

  get bytesDone(): number {
    return this.#bytesDone;
  }

  get bytesLeft(): number {
    return Math.max(0, this.#bytesTotal - this.#bytesDone);
  }

  get bytesReused(): number {
    return this.#bytesReused;
  }

  enter(step: ImportProgress['step']): void {
    this.#step = step;
    this.#tell();
  }

  /** Notes how many bytes of a layer will be fetched: all, unless it turns out that some need not be. */
  plan({ digest, size }: Descriptor, bytes: number = size): void {
    const before = this.#planned.get(digest);
    this.#planned.set(digest, bytes);
    this.#bytesTotal += bytes - (before ?? 0);
    this.#bytesReused += before === undefined ? size - bytes : before - bytes;
  }

  async *count(blob: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of blob) {
      this.#bytesDone += chunk.length;
      this.#tell();
      yield chunk;
    }
  }

  countRanges(openRanges: OpenRanges): OpenRanges {
    const count = (bytes: AsyncIterable<Uint8Array>) => this.count(bytes);
    return async function* (descriptor, ranges, signal) {
      for await (const { offset, bytes } of openRanges(descriptor, ranges, signal))
        yield { offset, bytes: count(bytes) };
    };
  }

  #tell(): void {
    this.#report?.({
      step: this.#step,
      bytesDone: this.#bytesDone,
      // More than was planned comes where a registry turns out to have no ranges.
      bytesTotal: Math.max(this.#bytesTotal, this.#bytesDone),
      bytesReused: this.#bytesReused,
    });
  }
}
