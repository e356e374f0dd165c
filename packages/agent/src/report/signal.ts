// "There is news" between those who know and the one loop that writes: marks collapse, nobody waits for the writer.
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves with the event, after `milliseconds`, or when `signal` aborts; never rejects. */
export async function waitFor(event: Promise<void>, milliseconds: number, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const timer = sleep(milliseconds, undefined, { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => {});
  await Promise.race([event, timer]);
  stop.abort();
}

export class News {
  #marked = true;
  #arrival = Promise.withResolvers<void>();
  #settled = Promise.withResolvers<void>();

  mark(): void {
    if (!this.#marked) this.#settled = Promise.withResolvers();
    this.#marked = true;
    this.#arrival.resolve();
  }

  get marked(): boolean {
    return this.#marked;
  }

  /** Takes the mark away; call before reading what is to be written. */
  take(): void {
    this.#marked = false;
    this.#arrival = Promise.withResolvers();
  }

  /** What was taken is written; whoever flushes is told unless there is more. */
  settle(): void {
    if (!this.#marked) this.#settled.resolve();
  }

  /** Until the next mark, at most `milliseconds`. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    await waitFor(this.#arrival.promise, milliseconds, signal);
  }

  /** Until everything marked so far is written, at most `milliseconds`. */
  async flush(milliseconds: number): Promise<void> {
    await waitFor(this.#settled.promise, milliseconds, new AbortController().signal);
  }
}
