// The agent of one host: puts the parts together and runs them until a boot is due or it is told to stop.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryClientOptions } from '@varve/oci';
import { type Logger, pino } from 'pino';
import { type Boot, directoryBoot, finishRequestedBoot, machineBoot } from './boot/boot.ts';
import { monitorDrift } from './drift/monitor.ts';
import { OstreeDriver } from './driver/ostree/driver.ts';
import { readIdentity } from './enroll/identity.ts';
import { RootGate } from './helper/gate.ts';
import { OwnNetwork } from './network/network.ts';
import { Reconciler } from './reconcile/run.ts';
import { NodeEvents } from './report/events.ts';
import { failureOf } from './report/failure.ts';
import { NodeReporter } from './report/node.ts';
import { StatusReporter } from './report/reporter.ts';
import { reasonOf, shownDrift } from './report/status.ts';
import { retryDelay } from './retry-delay.ts';
import { followServer, requireIdentity, type SessionParts } from './session.ts';
import { removeTemporaries } from './state/durable-file.ts';
import { lockSysroot } from './state/lock.ts';
import { defaultStateroot, type StatePaths, stateDirectoryOf, statePaths } from './state/paths.ts';

export interface AgentOptions {
  /** `/` on a booted host, else a directory that holds a sysroot. */
  readonly sysroot: string;
  readonly stateroot?: string;
  /** Where `joinHost` left the identity; below the stateroot's /var unless given. */
  readonly stateDirectory?: string;
  readonly signal: AbortSignal;
  readonly logger?: Logger;
  /** For all registries; by default the control plane's gets the node's certificate, others the containers auth files. */
  readonly registry?: RegistryClientOptions;
  /** Milliseconds between full drift checks without an event. */
  readonly driftInterval?: number;
}

/** `reboot`: a boot is due. On a booted host it has begun; for a sysroot in a directory, run the agent again. */
export type AgentOutcome = 'reboot' | 'stopped';

/**
 * Runs the agent. Throws AGENT_RUNNING, IDENTITY_INVALID, BOOT_FAILED or STATE_CORRUPT when it cannot begin; once it
 * runs, failures are reported and tried again.
 */
export async function runAgent(options: AgentOptions): Promise<AgentOutcome> {
  const { sysroot, stateroot = defaultStateroot, signal, logger = pino({ level: 'silent' }) } = options;
  const home = stateDirectoryOf(sysroot, stateroot);
  const paths = statePaths(options.stateDirectory ?? home);
  using _lock = lockSysroot(statePaths(home).lock);
  await requireIdentity(paths.identity);
  await removeTemporaries(paths.directory);
  const boot = await startBoot(sysroot, paths, logger, signal);
  const network = new OwnNetwork(() => readIdentity(paths.identity), options.registry);
  const driver = new OstreeDriver({ sysroot, stateroot, paths, boot, network });

  const status = new StatusReporter();
  const node = new NodeReporter();
  const events = new NodeEvents();
  const end = new AbortController();
  const running = AbortSignal.any([signal, end.signal]);
  const reconciler = new Reconciler({
    driver,
    gate: new RootGate(paths),
    paths,
    status,
    node,
    logger,
    onWarning: ({ name, message, output }) => {
      logger.warn({ check: name, message, output }, 'a health check that is not required failed');
      events.record('Warning', 'HealthWarning', `check ${name} ${message}`);
    },
    onRepair: (paths) => events.record('Normal', 'ConfigDriftRepaired', `put back ${paths.join(', ')}`.slice(0, 1024)),
    onFailure: ({ code, message }) => events.record('Warning', reasonOf(code), message),
  });
  const parts: SessionParts = { reconciler, status, node, events, logger };
  const background = [followServer(paths.identity, parts, running), watchDrift(driver, parts, options, running)];
  const failed = Promise.withResolvers<never>();
  for (const task of background) task.catch((error: unknown) => failed.reject(error));
  try {
    return await Promise.race([reconciler.run(running), failed.promise]);
  } finally {
    end.abort();
    await Promise.allSettled(background);
  }
}

/** A sysroot in a directory is "down" until it has booted, as a machine would be; a full disk may hold that up. */
async function startBoot(sysroot: string, paths: StatePaths, logger: Logger, signal: AbortSignal): Promise<Boot> {
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

async function watchDrift(
  driver: OstreeDriver,
  { reconciler, status, events, logger }: SessionParts,
  { driftInterval }: AgentOptions,
  signal: AbortSignal,
): Promise<void> {
  await monitorDrift(
    {
      host: () => driver.status(),
      ...(driftInterval === undefined ? {} : { interval: driftInterval }),
      onError: (error) => logger.warn({ err: error }, 'the drift check failed'),
      onDrift: (drift) => {
        status.update({ drift });
        if (drift.length > 0) reconciler.wake();
        const shown = shownDrift(status.view);
        const [first] = shown;
        if (!first) return events.record('Normal', 'ConfigDriftCleared', 'the host is as its config says again');
        const more = shown.length > 1 ? ` and ${shown.length - 1} more` : '';
        events.record('Warning', 'ConfigDriftDetected', `${first.path} ${first.message}${more}`);
      },
    },
    signal,
  );
}
