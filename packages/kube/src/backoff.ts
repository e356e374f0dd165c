// Exponential back-off with jitter: a server that comes back must not meet all its clients in the same instant.

/** Milliseconds: the first wait, and the longest. */
export interface Backoff {
  readonly initial: number;
  readonly max: number;
}

/**
 * The wait before retry number `retry` (0 is the first), in milliseconds: the doubled base, of which the upper half is
 * random ("equal jitter"), never over `max`.
 */
export function backoffDelay(retry: number, { initial, max }: Backoff, random: () => number = Math.random): number {
  const base = Math.min(max, initial * 2 ** Math.min(retry, 52));
  return base / 2 + (base / 2) * random();
}
