// Failed units of the running systemd. A host is judged by those that its update made fail: one that failed before is
// no reason to go back, for the deployment before has it, too.
import spawn, { SubprocessError } from 'nano-spawn';
import { checkUnitPrefix } from './in-unit.ts';
import { OutputTail } from './output-tail.ts';
import { type CheckResult, failed, passed } from './result.ts';

export interface UnitStates {
  readonly failed: readonly string[];
  /** False while systemd still starts what the boot asks for. */
  readonly settled: boolean;
}

export interface Units {
  states(signal: AbortSignal): Promise<UnitStates>;
  /** The end of what the unit wrote in this boot; empty when nobody knows. */
  log(unit: string, signal: AbortSignal): Promise<string>;
}

const timeout = 30_000;

/** The units of the machine that this process runs on. */
export const systemdUnits: Units = {
  async states(signal) {
    const { stdout } = await spawn('systemctl', ['list-units', '--state=failed', '--all', '--plain', '--no-legend'], {
      signal,
      timeout,
    });
    return { failed: parseUnitNames(stdout), settled: isSettled(await systemState(signal)) };
  },
  async log(unit, signal) {
    try {
      const options = ['--boot', '--lines=30', '--output=cat', '--no-pager', '--quiet'];
      const { stdout } = await spawn('journalctl', [`--unit=${unit}`, ...options], { signal, timeout });
      const tail = new OutputTail();
      tail.add(Buffer.from(stdout));
      return tail.toString();
    } catch {
      signal.throwIfAborted();
      return '';
    }
  },
};

/** For a sysroot in a directory, where no units run. */
export const noUnits: Units = {
  async states() {
    return { failed: [], settled: true };
  },
  async log() {
    return '';
  },
};

/** Names in the output of `systemctl list-units --plain --no-legend`: `NAME LOAD ACTIVE SUB DESCRIPTION` per line. */
export function parseUnitNames(text: string): string[] {
  const names: string[] = [];
  for (const line of text.split('\n')) {
    const name = /^\s*(\S+\.[a-z]+)\s/.exec(line)?.[1];
    if (name) names.push(name);
  }
  return names;
}

/** States of `systemctl is-system-running` (systemctl(1)): the first two are those of a boot that is under way. */
function isSettled(state: string): boolean {
  return state !== 'initializing' && state !== 'starting';
}

/** The command's status is not zero for most states. */
async function systemState(signal: AbortSignal): Promise<string> {
  try {
    return (await spawn('systemctl', ['is-system-running'], { signal, timeout })).stdout.trim();
  } catch (error) {
    if (error instanceof SubprocessError && error.stdout.trim() !== '') return error.stdout.trim();
    throw error;
  }
}

/** Judges by the difference from `before`, the states when the update began. */
export async function checkUnits(units: Units, before: UnitStates, signal: AbortSignal): Promise<CheckResult> {
  const now = await units.states(signal);
  // A check that failed is told by itself.
  const isNew = (unit: string) => !before.failed.includes(unit) && !unit.startsWith(checkUnitPrefix);
  const newly = now.failed.filter(isNew);
  const [first] = newly;
  if (first) return failed('systemd', `newly failed: ${newly.join(', ')}`, await units.log(first, signal));
  if (!now.settled && before.settled) return failed('systemd', 'systemd is still starting units');
  return passed('systemd');
}
