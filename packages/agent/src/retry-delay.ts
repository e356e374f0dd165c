// How long to wait before the next try of what failed.
import { OciError } from '@varve/oci';

const firstDelay = 1_000;
const longestDelay = 60_000;
/** Somebody may sign the image; a new policy is a new target, and does not wait for this. */
const refusedDelay = 10 * 60_000;

/** Milliseconds after the n-th failure in a row (n ≥ 1): doubled each time, up to a minute, with jitter of ±20 %. */
export function retryDelay(failures: number, random: () => number = Math.random): number {
  const delay = Math.min(longestDelay, firstDelay * 2 ** Math.min(failures - 1, 16));
  return Math.round(delay * (0.8 + 0.4 * random()));
}

/** The same for a target: what the signature policy refuses stays refused until somebody does something. */
export function retryDelayOf(error: unknown, failures: number, random?: () => number): number {
  const isRefused = error instanceof OciError && error.code === 'SIGNATURE_REJECTED';
  return isRefused ? refusedDelay : retryDelay(failures, random);
}
