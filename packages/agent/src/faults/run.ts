// One run of a scenario: the agent meets its faults one start after the other, then starts once more without any and
// must reach the goal. In between, whatever boots next is all old or all new.
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bootDirectory } from '../boot/boot.ts';
import { removeSysroot } from '../fixtures/host.ts';
import { stateDirectoryOf, statePaths } from '../state/paths.ts';
import type { FaultyProgram } from './bundle.ts';
import { checkBetween, checkEnd, type Expected } from './check.ts';
import { type Fault, formatFault } from './fault.ts';
import type { Goal } from './goal.ts';
import { contextOf, type RunningProcess, startFaulty } from './process.ts';
import type { Scenario } from './scenario.ts';
import type { NextBoot } from './snapshot.ts';

export interface Start {
  readonly fault: Fault | undefined;
  /** The machine loses its power when the agent dies. */
  readonly powerCut: boolean;
}

export interface RunOptions {
  readonly scenario: Scenario;
  readonly agent: FaultyProgram;
  /** Where to make the host. */
  readonly directory: string;
  readonly starts: readonly Start[];
}

export interface Outcome {
  /** Of the last start; empty unless asked for. */
  readonly calls: readonly string[];
  readonly end: NextBoot;
}

const timeoutMilliseconds = 180_000;
/** With a clock that is years back, say, a goal may be years away. */
const faultyTimeoutMilliseconds = 15_000;

/** Throws with the whole story when the host is ever in a mixed state, or does not reach its goal. */
export async function run(options: RunOptions, expected?: Expected): Promise<Outcome> {
  const sysroot = join(options.directory, randomUUID());
  const trace = `${sysroot}.trace`;
  const story: string[] = [];
  const { goal } = options.scenario;
  try {
    await options.scenario.template.copyTo(sysroot);
    for (const { fault, powerCut } of [...options.starts, { fault: undefined, powerCut: false }]) {
      story.push(`${fault ? formatFault(fault) : 'no fault'}${powerCut ? ', then a power cut' : ''}`);
      await rm(trace, { force: true });
      const timeout = fault ? faultyTimeoutMilliseconds : timeoutMilliseconds;
      const { output, how, isAlone } = await startAgent({ ...options, goal, sysroot, fault, trace, timeout }).ended;
      story.push(how);
      if (how !== 'exit 0') story.push(await contextOf(trace), output.slice(-2000));
      if (!fault) {
        if (how !== 'exit 0') throw new Error('the goal is not reached');
        continue;
      }
      // What a killed agent has started may still be at work, as for the next agent.
      if (isAlone) await checkBetween(options.scenario, sysroot, expected);
      if (powerCut && isAlone) await bootDirectory(sysroot, statePaths(stateDirectoryOf(sysroot)));
    }
    const end = await checkEnd(options.scenario, sysroot, expected);
    const calls = (await readFile(trace, 'utf8')).trim().split('\n');
    await removeSysroot(sysroot);
    await rm(trace);
    return { calls, end };
  } catch (error) {
    throw new Error(`${options.scenario.name} in ${sysroot}: ${story.join('\n')}\n${error}`, { cause: error });
  }
}

export interface AgentStart {
  readonly agent: FaultyProgram;
  readonly sysroot: string;
  readonly goal: Goal;
  readonly fault: Fault | undefined;
  /** Path of a file that is not there yet. */
  readonly trace: string;
  /** Milliseconds after which it is killed. */
  readonly timeout?: number;
}

/** An agent that ends at its goal, by its fault, or after a while. */
export function startAgent({ agent, sysroot, goal, fault, trace, timeout }: AgentStart): RunningProcess {
  const args = [sysroot, JSON.stringify(goal)];
  return startFaulty({ ...agent, args, fault, trace, timeout: timeout ?? timeoutMilliseconds });
}
