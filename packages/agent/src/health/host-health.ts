// What is looked at on the host itself, as root: its units and its executable checks.
import { Tree } from '../tree/tree.ts';
import { type FoundCheck, findChecks } from './find-checks.ts';
import { type CheckResult, failed, passed } from './result.ts';
import { type CheckCommand, runCheck } from './run-check.ts';
import { checkUnits, type UnitStates, type Units } from './units.ts';

export interface HostHealthOptions {
  /** `/` on a booted host; else the deployment's directory, in which the checks are confined by chroot(2). */
  readonly root: string;
  readonly units: Units;
  /** The units when the update began; undefined when none is under way: what failed since the boot says nothing then. */
  readonly before: UnitStates | undefined;
  /** Milliseconds that one executable may run. */
  readonly checkTimeout: number;
  /** Milliseconds that are left for all. */
  readonly remaining: number;
  readonly signal: AbortSignal;
}

/** One look. Executables run one after the other, in their order, all of them whatever the first ones say. */
export async function checkHostHealth(options: HostHealthOptions): Promise<CheckResult[]> {
  const { root, units, before, signal } = options;
  const results = before ? [await checkUnits(units, before, signal)] : [];
  const end = performance.now() + options.remaining;
  for (const check of await findChecks(new Tree(root))) {
    const timeout = Math.min(options.checkTimeout, Math.max(1_000, end - performance.now()));
    results.push(await runFound(check, root, timeout, signal));
  }
  return results;
}

async function runFound(check: FoundCheck, root: string, timeout: number, signal: AbortSignal): Promise<CheckResult> {
  const { path, required, problem } = check;
  if (problem !== undefined) return failed(path, problem, '', required);
  const run = await runCheck(inRoot(check, root), timeout, signal);
  return run.passed ? passed(path, required) : failed(path, run.message, run.output, required);
}

function inRoot({ command, arguments: words }: CheckCommand, root: string): CheckCommand {
  return root === '/' ? { command, arguments: words } : { command: 'chroot', arguments: [root, command, ...words] };
}
