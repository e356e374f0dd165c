// Large layers are decompressed and hashed in a thread of their own, so that both go on while this one makes files.
import { Worker } from 'node:worker_threads';
import { unlessAborted } from '../abortable.ts';
import {
  type DecoderSettings,
  decoderScript,
  type Format,
  type FromDecoder,
  pieceSize,
  piecesAhead,
  type ToDecoder,
} from './decoder-thread.ts';

/**
 * Decompresses in another thread, and tells the SHA-256 of all that was decompressed before it ends. A chunk may be used
 * until the next one is asked for. What the decoder throws has its `code`.
 */
export async function* decompressInThread(
  source: AsyncIterable<Uint8Array>,
  format: Format,
  onEnd: (sha256: string) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using thread = new DecoderThread(format, signal);
  const feeding = thread.feed(source);
  for (let chunk = await thread.next(); chunk !== undefined; chunk = await thread.next()) {
    yield chunk;
    thread.giveBack(chunk);
  }
  // Also what the decoder has no use for is read: only at its end a source tells whether it was what it should be.
  await feeding;
  onEnd(thread.sha256());
}

class DecoderThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #signal: AbortSignal | undefined;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #changed = Promise.withResolvers<void>();
  #unused = 0;
  #sha256: string | undefined;
  #failure: unknown;
  #isOver = false;

  constructor(format: Format, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#worker = new Worker(decoderScript(), {
      eval: true,
      workerData: { format, pieceSize, piecesAhead } satisfies DecoderSettings,
      // It makes little garbage; V8 would take 16 MB for it.
      resourceLimits: { maxYoungGenerationSizeMb: 1 },
      // What the process was started with is not for it.
      env: {},
      execArgv: [],
    });
    this.#worker.on('message', (message: FromDecoder) => this.#take(message));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the thread that decompresses a layer ended')));
  }

  /** Of all that was decompressed, when that and the source were read. What the source threw at its end, this throws. */
  sha256(): string {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#sha256 ?? '';
  }

  /** Sends all of a source to the thread. Does not throw: what the source throws, the other methods throw. */
  async feed(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const piece of inPieces(source)) {
        await this.#until(() => this.#unused < piecesAhead || this.#sha256 !== undefined || this.#isOver);
        if (this.#isOver) return;
        this.#unused += 1;
        this.#say(piece);
      }
      this.#say('end');
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The next decompressed bytes; undefined at the end. */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    await this.#until(() => this.#chunks.length > 0 || this.#sha256 !== undefined || this.#failure !== undefined);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#chunks.shift();
  }

  giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    buffer.transfer(0);
    this.#say('used');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#change();
    await this.#worker.terminate();
  }

  #say(message: ToDecoder): void {
    this.#worker.postMessage(message, message instanceof Uint8Array ? [message.buffer] : []);
  }

  #take(message: FromDecoder): void {
    if (message instanceof Uint8Array) this.#chunks.push(message);
    else if (message === 'used') this.#unused -= 1;
    else if ('sha256' in message) this.#sha256 = message.sha256;
    else this.#fail(Object.assign(new Error(message.message), { code: message.code }));
    this.#change();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      const { promise } = this.#changed;
      await (this.#signal === undefined ? promise : unlessAborted(promise, this.#signal));
    }
  }
}

/** Copies, which can be given away, of about the same size: registries send much smaller ones. */
async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let piece = new Uint8Array(pieceSize);
  let length = 0;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + pieceSize - length);
      piece.set(part, length);
      length += part.length;
      taken += part.length;
      if (length < pieceSize) continue;
      yield piece;
      piece = new Uint8Array(pieceSize);
      length = 0;
    }
  }
  if (length > 0) yield piece.slice(0, length);
}
