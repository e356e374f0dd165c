// What is there: the host as its driver sees it, and whether it was found to be as applied.
import * as z from 'zod';
import type { HostDriver } from '../driver/driver.ts';
import { readState, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import type { Desired } from './desired.ts';
import { type Actual, isOnTarget } from './diff.ts';

/** A live apply changes the config of a deployment in the midst of a boot. */
const verifiedSchema = z.object({ bootId: z.string(), deployment: z.string(), config: z.string().optional() });

export async function loadActual(driver: HostDriver, paths: StatePaths, signal: AbortSignal): Promise<Actual> {
  const host = await driver.status(signal);
  const verified = await readState(paths.verified, verifiedSchema);
  const { bootId, booted } = host;
  const isSame = verified?.deployment === booted.name && verified.config === booted.applied?.config;
  return { host, verified: isSame && verified.bootId === bootId };
}

/** With what the desired config takes on what runs, where that is about to be done. */
export async function withLiveActions(
  actual: Actual,
  desired: Desired | undefined,
  driver: HostDriver,
  signal: AbortSignal,
): Promise<Actual> {
  const { host } = actual;
  if (desired?.phase !== 'Applied' || isOnTarget(host.booted, desired, host)) return actual;
  return { ...actual, live: await driver.liveActions(desired, signal) };
}

export async function recordVerified(paths: StatePaths, { host }: Actual): Promise<void> {
  await writeState(paths.verified, {
    bootId: host.bootId,
    deployment: host.booted.name,
    config: host.booted.applied?.config,
  });
}
