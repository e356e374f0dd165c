import type { HealthChecks } from '@varve/api';

/** Seconds, unless the pool says otherwise. */
const defaultSeconds = 60;

/** Milliseconds that one executable check may run. */
export function checkTimeoutOf(health: HealthChecks | undefined): number {
  return (health?.checkTimeoutSeconds ?? defaultSeconds) * 1000;
}
