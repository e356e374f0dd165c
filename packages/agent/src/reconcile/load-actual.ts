// What is there: the host as its driver sees it, and whether this boot was found to be as applied.
import * as z from 'zod';
import type { HostDriver } from '../driver/driver.ts';
import { readState, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import type { Actual } from './diff.ts';

const verifiedSchema = z.object({ bootId: z.string(), deployment: z.string() });

export async function loadActual(driver: HostDriver, paths: StatePaths, signal: AbortSignal): Promise<Actual> {
  const host = await driver.status(signal);
  const verified = await readState(paths.verified, verifiedSchema);
  return { host, verified: verified?.bootId === host.bootId && verified.deployment === host.booted.name };
}

export async function recordVerified(paths: StatePaths, { host }: Actual): Promise<void> {
  await writeState(paths.verified, { bootId: host.bootId, deployment: host.booted.name });
}
