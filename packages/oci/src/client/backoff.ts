import { setTimeout as sleep } from 'node:timers/promises';

const longestDelay = 15_000;
const longestRetryAfter = 120_000;

/** How often something is tried, and how long the first wait is (milliseconds); each next one is twice as long. */
export interface RetryPolicy {
  attempts: number;
  firstDelay: number;
}

/** Milliseconds before the attempt after the one numbered `attempt` (from 0), spread so that a fleet does not come back at once. */
export function backoffDelay(attempt: number, policy: RetryPolicy, random: number): number {
  const full = Math.min(policy.firstDelay * 2 ** attempt, longestDelay);
  return full * (0.5 + random / 2);
}

/** Milliseconds that a Retry-After header asks for, at most two minutes; undefined without a readable one. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const date = /^[A-Z][a-z]+, /.test(header) ? Date.parse(header) : Number.NaN;
  const wait = /^[0-9]{1,9}$/.test(header) ? Number(header) * 1000 : date - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), longestRetryAfter) : undefined;
}

export async function waitFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
}
