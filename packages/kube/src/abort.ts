// Waiting that ends when it should: after a time, or when a signal says so.
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits `milliseconds` or until the abort, whichever comes first. Never rejects. */
export async function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch {
    // The only reason to reject is the abort, and callers look at the signal next.
  }
}

/** A signal that aborts with any of `signals`. */
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** Aborts `signal` after `milliseconds`, unless disposed of before: AbortSignal.timeout would live on until then. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), milliseconds);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Has the time begin again, unless it is over. */
  restart(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
