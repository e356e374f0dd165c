// The boot of whoever has its hands on the sysroot.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { failureOf } from '../report/failure.ts';
import { retryDelay } from '../retry-delay.ts';
import type { StatePaths } from '../state/paths.ts';
import { type Boot, directoryBoot, finishRequestedBoot, machineBoot } from './boot.ts';

/** A sysroot in a directory is "down" until it has booted, as a machine would be; a full disk may hold that up. */
export async function startBoot(
  sysroot: string,
  paths: StatePaths,
  logger: Logger,
  signal: AbortSignal,
): Promise<Boot> {
  if (sysroot === '/') return machineBoot;
  for (let failures = 0; ; ) {
    try {
      await finishRequestedBoot(sysroot, paths);
      return directoryBoot(sysroot, paths);
    } catch (error) {
      logger.error({ failure: failureOf(error) }, 'cannot boot yet');
      await sleep(retryDelay(++failures), undefined, { signal });
    }
  }
}
