// What is looked at on the host itself, as root: its managed content, its units and its executable checks.
import type { DriftPolicy } from '@varve/api';
import { hostDrift } from '../drift/host-drift.ts';
import { reportedDrift } from '../drift/policy.ts';
import type { HostState } from '../driver/driver.ts';
import { treeOf } from '../tree/tree-of.ts';
import { type FoundCheck, findChecks } from './find-checks.ts';
import { hostSystemd, inUnit } from './in-unit.ts';
import { type CheckResult, failed, passed } from './result.ts';
import { type CheckCommand, runCheck } from './run-check.ts';
import { checkUnits, type UnitStates, type Units } from './units.ts';

export interface HostHealthOptions {
  /** On a booted host its deployment's root is `/`; in another directory the checks are confined by chroot(2). */
  readonly host: HostState;
  /** Paths whose differences nobody cares for. */
  readonly drift: DriftPolicy | undefined;
  readonly units: Units;
  /** The units when the update began; undefined when none is under way: what failed since the boot says nothing then. */
  readonly before: UnitStates | undefined;
  /** Milliseconds that one executable may run. */
  readonly checkTimeout: number;
  /** Milliseconds that are left for all. */
  readonly remaining: number;
  readonly signal: AbortSignal;
}

/** Name of the check that what runs is what was applied. */
export const contentCheck = 'content';

/** One look. Executables run one after the other, in their order, all of them whatever the first ones say. */
export async function checkHostHealth(options: HostHealthOptions): Promise<CheckResult[]> {
  const { host, units, before, signal } = options;
  const results = before ? [await checkUnits(units, before, signal)] : [];
  const end = performance.now() + options.remaining;
  for (const check of await findChecks(treeOf(host.booted))) {
    const timeout = Math.min(options.checkTimeout, Math.max(1_000, end - performance.now()));
    results.push(await runFound(check, host.booted.root, timeout, signal));
  }
  // Looked at last, since checks may change something; told first, since it may explain them.
  return [await checkManagedContent(host, options.drift), ...results];
}

/** Everything that the config says of the host, kernel arguments and image included. */
async function checkManagedContent(host: HostState, policy: DriftPolicy | undefined): Promise<CheckResult> {
  const drift = reportedDrift(await hostDrift(host), policy);
  const [first] = drift;
  if (!first) return passed(contentCheck);
  const more = drift.length > 1 ? ` and ${drift.length - 1} more` : '';
  return failed(contentCheck, `${first.path} ${first.message}${more}`);
}

async function runFound(check: FoundCheck, root: string, timeout: number, signal: AbortSignal): Promise<CheckResult> {
  const { path, required, problem } = check;
  if (problem !== undefined) return failed(path, problem, '', required);
  const run = await runCheck(inRoot(check, root, timeout), timeout, signal);
  return run.passed ? passed(path, required) : failed(path, run.message, run.output, required);
}

/** As the host runs it; in another directory, confined to that. */
function inRoot(check: CheckCommand, root: string, timeout: number): CheckCommand {
  if (root === '/') return inUnit(check, timeout, hostSystemd);
  return { command: 'chroot', arguments: [root, check.command, ...check.arguments] };
}
