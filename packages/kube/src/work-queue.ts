// A queue of keys for control loops. A key is never processed twice at once; added while it waits, it waits once; added
// while it is processed, it is processed again afterwards; after a failure it comes back later and later, and failures of
// many keys come back no faster than a common rate. So whatever happens, the last change of an object is followed by a run
// that began after it.
import { type Backoff, backoffDelay } from './backoff.ts';
import { type Rate, RateLimit } from './rate-limit.ts';

export interface WorkQueueOptions {
  /** Keys processed at the same time; 1 unless given. */
  readonly concurrency?: number;
  /** Waits after failures of one key; 0.2 s doubling to 60 s unless given. */
  readonly backoff?: Backoff;
  /** Bounds the retries of all keys together; 100 a second, and as many at once, unless given. */
  readonly retryRate?: Rate;
  /** Told of every failure; the key comes back by itself. */
  readonly onError?: (key: string, error: unknown) => void;
  /** Source of jitter, in [0, 1). */
  readonly random?: () => number;
}

/** Brings the object of `key` nearer to what is wanted; throws to be called again. `signal` aborts when the queue ends. */
export type Process = (key: string, signal: AbortSignal) => Promise<void>;

/** setTimeout fires at once beyond 2^31-1 ms; waking up early is harmless. */
const maxDelay = 2 ** 31 - 1;

export class WorkQueue {
  readonly #process: Process;
  readonly #concurrency: number;
  readonly #backoff: Backoff;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #random: () => number;
  readonly #retries: RateLimit;

  /** Keys that wait, in order. */
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  /** Keys added while they run. */
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly due: number; readonly timer: NodeJS.Timeout }>();
  #signal: AbortSignal | undefined;
  #starting = false;

  constructor(process: Process, options: WorkQueueOptions = {}) {
    this.#process = process;
    this.#concurrency = Math.max(1, options.concurrency ?? 1);
    this.#backoff = options.backoff ?? { initial: 200, max: 60_000 };
    this.#onError = options.onError ?? (() => {});
    this.#random = options.random ?? Math.random;
    this.#retries = new RateLimit(options.retryRate ?? { perSecond: 100, burst: 100 });
  }

  /** Keys that wait to be processed now (not those waiting for a time). */
  get length(): number {
    return this.#waiting.size + this.#again.size;
  }

  /** Has `key` processed as soon as a place is free, also when it waits for a retry. Ignored once the queue has ended. */
  add(key: string): void {
    if (this.#signal?.aborted) return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#startSoon();
  }

  /** Adds `key` after `milliseconds`. Of several times for one key, the earliest counts. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#signal?.aborted) return;
    if (!(milliseconds > 0)) {
      this.add(key);
      return;
    }
    const wait = Math.min(milliseconds, maxDelay);
    const due = Date.now() + wait;
    const planned = this.#timers.get(key);
    if (planned !== undefined && planned.due <= due) return;
    clearTimeout(planned?.timer);
    const fire = () => {
      this.#timers.delete(key);
      this.add(key);
    };
    this.#timers.set(key, { due, timer: setTimeout(fire, wait) });
  }

  /**
   * Processes keys until the abort; then begins no more, and returns when those that run have ended. Keys added before
   * are kept for it. Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
    this.#startSoon();
    await aborted;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#waiting.clear();
    this.#again.clear();
    await Promise.all(this.#running.values());
  }

  /** Not at once: the caller of add must not find itself in a reconciler, and may add the same key again. */
  #startSoon(): void {
    if (this.#starting) return;
    this.#starting = true;
    queueMicrotask(() => {
      this.#starting = false;
      this.#startNext();
    });
  }

  #startNext(): void {
    const signal = this.#signal;
    if (signal === undefined) return;
    for (const key of this.#waiting) {
      if (signal.aborted || this.#running.size >= this.#concurrency) return;
      this.#waiting.delete(key);
      this.#running.set(key, this.#runOne(key, signal));
    }
  }

  async #runOne(key: string, signal: AbortSignal): Promise<void> {
    // The key has to be among the running ones before its processing can add it again.
    await Promise.resolve();
    try {
      await this.#process(key, signal);
      this.#failures.delete(key);
    } catch (error) {
      if (!signal.aborted) this.#retryLater(key, error);
    }
    this.#running.delete(key);
    if (this.#again.delete(key)) this.#waiting.add(key);
    this.#startSoon();
  }

  #retryLater(key: string, error: unknown): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const wait = backoffDelay(failures, this.#backoff, this.#random);
    // When the server is gone, all keys fail; it must be able to come back.
    this.addAfter(key, Math.max(wait, this.#retries.reserve(performance.now())));
    try {
      this.#onError(key, error);
    } catch {
      // A broken logger must not stop the loop.
    }
  }
}
