// One lane: how many requests of a kind of client are worked on at once, how many wait, and how many of them may be one
// client's. Beyond that a client is sent away with 429 and comes back (KEP-1040 has the idea; clients know the answer).
import { tooManyRequests } from '../status.ts';

export interface LaneLimits {
  /** Requests that are worked on at once. */
  readonly running: number;
  /** Requests that wait for that, first come first served. */
  readonly waiting: number;
  /** Requests of one client, running and waiting. */
  readonly perClient: number;
}

interface Waiter {
  start(): void;
}

const maxWaitMilliseconds = 15_000;

export class Lane {
  readonly #limits: LaneLimits;
  readonly #waiters = new Set<Waiter>();
  readonly #byClient = new Map<string, number>();
  #running = 0;
  #refused = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** How many were sent away so far. */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Resolves when it is the request's turn, with what to call, once, when it is done. Throws 429. `gone` ends the wait of
   * a client that has gone.
   */
  async enter(client: string, gone: AbortSignal): Promise<() => void> {
    const mine = this.#byClient.get(client) ?? 0;
    const full = this.#running >= this.#limits.running && this.#waiters.size >= this.#limits.waiting;
    if (mine >= this.#limits.perClient || full) throw this.#refuse();
    this.#byClient.set(client, mine + 1);
    try {
      if (this.#running < this.#limits.running) this.#running++;
      else await this.#wait(gone);
    } catch (error) {
      this.#forget(client);
      throw error;
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#forget(client);
      this.#next();
    };
  }

  async #wait(gone: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { start: resolve };
    const leave = () => {
      if (this.#waiters.delete(waiter)) reject(this.#refuse());
    };
    this.#waiters.add(waiter);
    const timer = setTimeout(leave, maxWaitMilliseconds);
    gone.addEventListener('abort', leave);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      gone.removeEventListener('abort', leave);
    }
  }

  /** The one that waits longest takes over the place. */
  #next(): void {
    const next = this.#waiters.values().next().value;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiters.delete(next);
    next.start();
  }

  #forget(client: string): void {
    const mine = this.#byClient.get(client) ?? 0;
    if (mine <= 1) this.#byClient.delete(client);
    else this.#byClient.set(client, mine - 1);
  }

  #refuse(): Error {
    this.#refused++;
    return tooManyRequests();
  }
}
