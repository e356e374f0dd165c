// The end of a stream of bytes of any length, as text that can be shown anywhere.
import { maxOutput } from './result.ts';

export class OutputTail {
  #chunks: Buffer[] = [];
  #kept = 0;
  #total = 0;

  /** Bytes that were written, kept or not. */
  get total(): number {
    return this.#total;
  }

  add(chunk: Buffer): void {
    this.#total += chunk.length;
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    for (let [first] = this.#chunks; first && this.#kept - first.length >= maxOutput; [first] = this.#chunks) {
      this.#chunks.shift();
      this.#kept -= first.length;
    }
  }

  /** At most `maxOutput` characters, from a line's or at least a character's beginning; control characters replaced. */
  toString(): string {
    const bytes = Buffer.concat(this.#chunks).subarray(-maxOutput);
    const isWhole = bytes.length === this.#total;
    return printable(bytes.subarray(isWhole ? 0 : firstCharacter(bytes)).toString('utf8')).trimEnd();
  }
}

/** Index of the first byte that does not continue a character (RFC 3629, section 3). */
function firstCharacter(bytes: Uint8Array): number {
  const index = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return Math.max(index, 0);
}

/** Escape sequences and NULs have no place in a status that a terminal will show. */
function printable(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(/(?![\t\n])\p{Cc}/gu, '\u{fffd}');
}
