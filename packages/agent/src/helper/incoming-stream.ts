// Bytes that come in answer to a call, piece by piece, never more on the way than credit was given for.
import { AgentError } from '../error.ts';

/** Pieces that may be on their way; each has at most `maxDataBytes`. */
const window = 8;

export class IncomingStream {
  readonly #grant: (pieces: number) => void;
  readonly #pieces: Uint8Array[] = [];
  #credit = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(grant: (pieces: number) => void) {
    this.#grant = grant;
  }

  /** Throws HELPER_REFUSED for a piece that nobody has asked for. */
  push(bytes: Uint8Array): void {
    if (this.#credit <= 0) {
      throw new AgentError(
        'HELPER_REFUSED',
        "more bytes came over the helper's socket than were asked for; it was cut",
      );
    }
    this.#credit -= 1;
    this.#pieces.push(bytes);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** To be called once. */
  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#give(window);
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) {
        this.#give(1);
        yield piece;
      } else if (this.#failure) throw this.#failure.error;
      else if (this.#ended) return;
      else await this.#news();
    }
  }

  #give(pieces: number): void {
    if (this.#ended || this.#failure) return;
    this.#credit += pieces;
    this.#grant(pieces);
  }

  async #news(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
