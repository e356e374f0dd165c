// How long to wait before the next try of what failed.

const firstDelay = 1_000;
const longestDelay = 60_000;

/** Milliseconds after the n-th failure in a row (n ≥ 1): doubled each time, up to a minute, with jitter of ±20 %. */
export function retryDelay(failures: number, random: () => number = Math.random): number {
  const delay = Math.min(longestDelay, firstDelay * 2 ** Math.min(failures - 1, 16));
  return Math.round(delay * (0.8 + 0.4 * random()));
}
