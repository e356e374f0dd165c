// Executables of the host that make its workloads leave before an update disrupts them: take it out of a load balancer,
// stop a database in good order. On a cluster the control plane evicts pods before; these run as well, where there are
// any. They run before anything is changed, so that a hook that fails leaves the host as it is.
import { defaultDrainTimeout, type HostDrain } from '@varve/api';
import type { HostDeployment } from '../driver/driver.ts';
import { HealthError } from '../health/failed-target.ts';
import { type FoundCheck, findExecutables } from '../health/find-checks.ts';
import { hostSystemd, inUnit } from '../health/in-unit.ts';
import { maxOutput } from '../health/result.ts';
import { type CheckCommand, type CheckRun, runCheck } from '../health/run-check.ts';
import { treeOf } from '../tree/tree-of.ts';

export const drainHooks = '/etc/varve/drain.d';

export interface DrainOptions {
  /** What runs: in another root than `/` the hooks are confined to it by chroot(2). */
  readonly booted: HostDeployment;
  readonly policy: HostDrain | undefined;
  readonly signal: AbortSignal;
  readonly onStep: (message: string) => void;
}

/**
 * Runs them by name, one after the other, within the pool's time for all of them. The first that fails ends it.
 * Throws DRAIN_FAILED with the hook and the end of what it wrote.
 */
export async function runDrainHooks({ booted, policy, signal, onStep }: DrainOptions): Promise<void> {
  const seconds = policy?.timeoutSeconds ?? defaultDrainTimeout;
  const end = performance.now() + seconds * 1000;
  for (const hook of await findExecutables(treeOf(booted), drainHooks)) {
    onStep(`draining: ${hook.path}`);
    const remaining = Math.max(0, end - performance.now());
    const run = remaining === 0 ? outOfTime(seconds) : await runHook(hook, booted.root, remaining, signal);
    if (run.passed) continue;
    throw new HealthError(
      'DRAIN_FAILED',
      `the drain hook ${hook.path} ${run.message}; nothing was changed, and it is tried again`,
      { check: hook.path, output: run.output.slice(-maxOutput) },
    );
  }
}

async function runHook(hook: FoundCheck, root: string, remaining: number, signal: AbortSignal): Promise<CheckRun> {
  if (hook.problem !== undefined) return { passed: false, message: hook.problem, output: '' };
  return await runCheck(inRoot(hook, root, remaining), remaining, signal);
}

function inRoot(hook: CheckCommand, root: string, timeout: number): CheckCommand {
  if (root === '/') return inUnit(hook, timeout, hostSystemd, 'Drain hook');
  return { command: 'chroot', arguments: [root, hook.command, ...hook.arguments] };
}

function outOfTime(seconds: number): CheckRun {
  return { passed: false, message: `has no time left: all hooks together have ${seconds} s`, output: '' };
}
