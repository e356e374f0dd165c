// A common measure for what may happen so often a second: a bucket that fills at a steady rate, and may be overdrawn by
// those who wait for their turn (as golang.org/x/time/rate, Limiter.Reserve). Pure: the time is passed in.

export interface Rate {
  readonly perSecond: number;
  /** How many may come at once after a pause. */
  readonly burst: number;
}

export class RateLimit {
  readonly #rate: Rate;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** Takes a turn at `now` (milliseconds, never going back): how many milliseconds it has to wait. */
  reserve(now: number): number {
    const { perSecond, burst } = this.#rate;
    const refilled = this.#tokens + ((now - this.#at) / 1000) * perSecond;
    this.#tokens = Math.min(burst, refilled) - 1;
    this.#at = now;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / perSecond) * 1000;
  }
}
