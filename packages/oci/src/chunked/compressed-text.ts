import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { compressStream, type Encoding } from './encoder.ts';

const batchSize = 256 * 1024;

/** Text that is compressed while it is written, so that only its small form is held in memory. */
export class CompressedText {
  readonly #input = new PassThrough();
  readonly #output: Promise<Uint8Array[]>;
  #batch: string[] = [];
  #batchLength = 0;
  #length = 0;

  constructor(encoding: Encoding) {
    this.#output = Array.fromAsync(compressStream(this.#input, undefined, encoding));
    this.#output.catch(() => undefined);
  }

  async write(text: string): Promise<void> {
    this.#batch.push(text);
    this.#batchLength += text.length;
    if (this.#batchLength >= batchSize) await this.#flush();
  }

  async end(): Promise<{ compressed: Buffer; uncompressedLength: number }> {
    await this.#flush();
    this.#input.end();
    return { compressed: Buffer.concat(await this.#output), uncompressedLength: this.#length };
  }

  destroy(): void {
    this.#input.destroy();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#batch.join(''));
    this.#batch = [];
    this.#batchLength = 0;
    this.#length += bytes.length;
    if (bytes.length > 0 && !this.#input.write(bytes)) await once(this.#input, 'drain');
  }
}
