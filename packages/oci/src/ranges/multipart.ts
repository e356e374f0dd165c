// Several ranges in one answer: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.7.2 and
// https://www.rfc-editor.org/rfc/rfc2046.html#section-5.1
import { parseContentRange } from './content-range.ts';
import type { OpenedRange } from './open-ranges.ts';
import { NotAsAskedError } from './wanted.ts';

const maximumLine = 1024;
const maximumLines = 32;
const newline = 0x0a;

/** The boundary that a Content-Type names; undefined where it is no multipart/byteranges. */
export function parseBoundary(contentType: string | undefined): string | undefined {
  const match = /^multipart\/byteranges\s*;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,100})"|([^\s;"]{1,100}))/i.exec(
    contentType?.slice(0, 500) ?? '',
  );
  return match?.[1] ?? match?.[2];
}

/**
 * The parts of an answer, as they come. A part's bytes are readable once, before the next one is asked for.
 * @throws NotAsAskedError where it is malformed; RangeError where it ends too early
 */
export async function* parseMultipart(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<OpenedRange, void, undefined> {
  const reader = new LineReader(body);
  try {
    await skipPreamble(reader, boundary);
    for (;;) {
      const { offset, length } = await partRange(reader);
      const bytes = new Part(reader, length);
      yield { offset, bytes };
      await bytes.skip();
      if ((await reader.line()) !== '') throw new NotAsAskedError('a part is longer than its range');
      const delimiter = (await reader.line()).trimEnd();
      if (delimiter === `--${boundary}--`) {
        await reader.finish();
        return;
      }
      if (delimiter !== `--${boundary}`) throw new NotAsAskedError('a part does not end with the boundary');
    }
  } finally {
    await reader.close();
  }
}

async function skipPreamble(reader: LineReader, boundary: string): Promise<void> {
  for (let lines = 0; lines < maximumLines; lines += 1) {
    const line = (await reader.line()).trimEnd();
    if (line === `--${boundary}`) return;
    if (line === `--${boundary}--`) break;
  }
  throw new NotAsAskedError('the first part does not come');
}

async function partRange(reader: LineReader): Promise<{ offset: number; length: number }> {
  let range: string | undefined;
  for (let lines = 0; lines < maximumLines; lines += 1) {
    const line = await reader.line();
    if (line === '') {
      const parsed = parseContentRange(range);
      if (parsed === undefined) throw new NotAsAskedError('a part does not say which it is');
      return parsed;
    }
    const [, value] = /^content-range:(.*)$/i.exec(line) ?? [];
    range = value ?? range;
  }
  throw new NotAsAskedError('a part has headers without end');
}

class Part implements AsyncIterable<Uint8Array> {
  readonly #reader: LineReader;
  #left: number;

  constructor(reader: LineReader, length: number) {
    this.#reader = reader;
    this.#left = length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#left > 0) {
      const bytes = await this.#reader.some(this.#left);
      this.#left -= bytes.length;
      yield bytes;
    }
  }

  async skip(): Promise<void> {
    while (this.#left > 0) this.#left -= (await this.#reader.some(this.#left)).length;
  }
}

class LineReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, at least one and at most `limit`. */
  async some(limit: number): Promise<Uint8Array> {
    await this.#fill();
    return this.#take(Math.min(limit, this.#chunk.length));
  }

  /** A line without its end; the last one needs no end. */
  async line(): Promise<string> {
    let line = '';
    for (;;) {
      if (line !== '' && !(await this.#hasMore())) return line;
      await this.#fill();
      const end = this.#chunk.subarray(0, maximumLine).indexOf(newline);
      line += Buffer.from(this.#take(end < 0 ? Math.min(maximumLine, this.#chunk.length) : end + 1)).toString('latin1');
      if (line.length > maximumLine) throw new NotAsAskedError('a header line does not end');
      if (end >= 0) return line.replace(/\r?\n$/, '');
    }
  }

  /** Reads what little may follow the last boundary, for the connection to be used again. */
  async finish(): Promise<void> {
    for (let left = maximumLine; left > 0; left -= this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done === true) return;
      this.#chunk = next.value;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<void> {
    if (!(await this.#hasMore())) throw new RangeError('the answer ends in the middle of its parts');
  }

  async #hasMore(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }

  #take(length: number): Uint8Array {
    const taken = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return taken;
  }
}
