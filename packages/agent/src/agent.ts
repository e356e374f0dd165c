// The agent of one host: puts the parts together and runs them until a boot is due or it is told to stop.

import type { UpdateStep } from '@varve/api';
import { type Logger, pino } from 'pino';
import type { Drift } from './content/check.ts';
import type { AppliedOutline } from './content/entry.ts';
import { glance } from './drift/glance.ts';
import { inlineContent, plannedFiles } from './drift/inline-contents.ts';
import { monitorDrift } from './drift/monitor.ts';
import { withDiffs } from './drift/with-diffs.ts';
import type { DriftRequest, HostDriver } from './driver/driver.ts';
import { readCertificate } from './enroll/identity.ts';
import { serveMetrics } from './metrics/server.ts';
import { type OpenHostOptions, openHost } from './open-host.ts';
import type { Desired } from './reconcile/desired.ts';
import { Reconciler } from './reconcile/run.ts';
import { cordonedOf } from './report/drain.ts';
import { NodeEvents } from './report/events.ts';
import { LogRequests } from './report/log-request.ts';
import { NodeReporter } from './report/node.ts';
import { RecentLog } from './report/recent-log.ts';
import { StatusReporter } from './report/reporter.ts';
import { reasonOf, shownDrift } from './report/status.ts';
import type { View } from './report/view.ts';
import { followServer, requireIdentity, type SessionParts } from './session.ts';
import { lockSysroot } from './state/lock.ts';
import { defaultStateroot, stateDirectoryOf, statePaths } from './state/paths.ts';
import { treeOf } from './tree/tree-of.ts';

export interface AgentOptions extends OpenHostOptions {
  /** Where `joinHost` left the identity; below the stateroot's /var unless given. */
  readonly stateDirectory?: string;
  readonly logger?: Logger;
  /** Where `logger` writes too; shown to who asks for it by way of the control plane. */
  readonly recentLog?: RecentLog;
  /** Path of a socket that gives metrics to Prometheus; none unless given. */
  readonly metrics?: string;
  /** Milliseconds between full drift checks without an event. */
  readonly driftInterval?: number;
}

/** Steps in which managed files change because they are to. */
const busySteps: ReadonlySet<UpdateStep> = new Set(['Applying', 'Rebooting', 'Verifying']);

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
  using _lock = lockSysroot(options.helper === undefined ? statePaths(home).lock : paths.agentLock);
  await requireIdentity(paths.identity);
  await using host = await openHost(options, paths, logger);
  const { driver, gate } = host;

  const status = new StatusReporter();
  const node = new NodeReporter((object) => status.update({ cordoned: cordonedOf(object) }));
  const events = new NodeEvents();
  const failures = new Map<string, number>();
  const end = new AbortController();
  const running = AbortSignal.any([signal, end.signal]);
  const reconciler = new Reconciler({
    driver,
    gate,
    paths,
    status,
    node,
    logger,
    onWarning: ({ name, message, output }) => {
      logger.warn({ check: name, message, output }, 'a health check that is not required failed');
      events.record('Warning', 'HealthWarning', `check ${name} ${message}`);
    },
    onRepair: (paths) => events.record('Normal', 'ConfigDriftRepaired', `put back ${paths.join(', ')}`.slice(0, 1024)),
    onFailure: ({ code, message }) => {
      failures.set(code, (failures.get(code) ?? 0) + 1);
      events.record('Warning', reasonOf(code), message);
    },
  });
  const logRequests = new LogRequests(options.recentLog ?? new RecentLog(), (change) => status.update(change));
  const parts: SessionParts = { reconciler, status, node, events, logRequests, logger };
  await using _metrics = await serveMetrics(options.metrics, async () => {
    return { view: status.view, failures, certificate: await readCertificate(paths.identity) };
  });
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

async function watchDrift(
  driver: HostDriver,
  { reconciler, status, events, logger }: SessionParts,
  { driftInterval }: AgentOptions,
  signal: AbortSignal,
): Promise<void> {
  await monitorDrift(
    {
      host: (asked) => driver.status(asked),
      check: async (request) => await describeDrift(driver, status.view, request),
      glance: async ({ booted }, paths) => {
        // The agent's own writes are no drift.
        if (!booted.applied || busySteps.has(status.view.step)) return [];
        return await glance(treeOf(booted), booted.applied, paths, contentsOf(status.view.desired, booted.applied));
      },
      onGlance: (drift) => status.update({ drift }),
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

/** What the config has in its files, as far as it is known what was applied. */
function contentsOf(desired: Desired | undefined, applied: AppliedOutline): (path: string) => Uint8Array | undefined {
  if (!desired || desired.config !== applied.config) return () => undefined;
  const files = plannedFiles(desired.spec);
  return (path) => {
    const file = files.get(path);
    return file && inlineContent(file);
  };
}

/** With the lines that differ, once it is known what the config has there. */
async function describeDrift(
  driver: HostDriver,
  { desired, host }: View,
  request: DriftRequest,
): Promise<readonly Drift[]> {
  const drift = await driver.checkDrift(request);
  if (drift.length === 0 || !desired || host?.booted.applied?.config !== desired.config) return drift;
  return await withDiffs(drift, desired, treeOf(host.booted));
}
