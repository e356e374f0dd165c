// One run of a scenario: the agent meets its faults one start after the other, then starts once more without any and
// must reach the goal. In between, whatever boots next is all old or all new.
import { type ChildProcessByStdio, spawn as spawnProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import spawn from 'nano-spawn';
import { bootDirectory, directoryBoot } from '../boot/boot.ts';
import { OstreeDriver } from '../driver/ostree/driver.ts';
import { copySysroot, removeSysroot, waitUntil } from '../fixtures/host.ts';
import { readFailed } from '../health/failed-target.ts';
import { hostStatus } from '../host.ts';
import { OwnNetwork } from '../network/network.ts';
import { stateDirectoryOf, statePaths } from '../state/paths.ts';
import type { FaultyAgent } from './bundle.ts';
import { type Fault, faultVariable, formatFault, traceVariable } from './fault.ts';
import type { Goal } from './goal.ts';
import type { Scenario } from './scenario.ts';
import { findLeftovers, type NextBoot, readNextBoot } from './snapshot.ts';

export interface Start {
  readonly fault: Fault | undefined;
  /** The machine loses its power when the agent dies. */
  readonly powerCut: boolean;
}

export interface RunOptions {
  readonly scenario: Scenario;
  readonly agent: FaultyAgent;
  /** Where to make the host. */
  readonly directory: string;
  readonly starts: readonly Start[];
}

export interface Outcome {
  /** Of the last start; empty unless asked for. */
  readonly calls: readonly string[];
  readonly end: NextBoot;
}

/** What may boot next: as in the template, and as after a run without a fault. */
export interface Expected {
  readonly old: NextBoot;
  readonly end: NextBoot;
}

const timeoutMilliseconds = 60_000;
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
      const { output, how, isAlone } = await startAgent({ ...options, goal, sysroot, fault, trace }).ended;
      story.push(how);
      if (how !== 'exit 0') story.push(await contextOf(trace), output.slice(-2000));
      if (!fault) {
        if (how !== 'exit 0') throw new Error('the goal is not reached');
        continue;
      }
      // What a killed agent has started may still be at work, as for the next agent.
      if (isAlone) await checkBetween(options, sysroot, expected);
      if (powerCut && isAlone) await bootDirectory(sysroot, statePaths(stateDirectoryOf(sysroot)));
    }
    const end = await checkEnd(options, sysroot, expected);
    const calls = (await readFile(trace, 'utf8')).trim().split('\n');
    await removeSysroot(sysroot);
    await rm(trace);
    return { calls, end };
  } catch (error) {
    throw new Error(`${options.scenario.name} in ${sysroot}: ${story.join('\n')}\n${error}`, { cause: error });
  }
}

interface Ending {
  readonly how: string;
  readonly output: string;
  /** Nothing that it has started is alive. */
  readonly isAlone: boolean;
}

export interface AgentStart {
  readonly agent: FaultyAgent;
  readonly sysroot: string;
  readonly goal: Goal;
  readonly fault: Fault | undefined;
  /** Path of a file that is not there yet. */
  readonly trace: string;
}

export interface RunningAgent {
  readonly ended: Promise<Ending>;
  /** Until the fault has begun. */
  meetsFault(): Promise<void>;
  kill(): void;
}

/** An agent that ends at its goal, by its fault, or after a while. */
export function startAgent({ agent, sysroot, goal, fault, trace }: AgentStart): RunningAgent {
  const args = ['--import', agent.preload, agent.program, sysroot, JSON.stringify(goal)];
  const env = { ...process.env, [traceVariable]: trace, [faultVariable]: fault ? formatFault(fault) : '' };
  // A group of its own, which can be killed with all that it has started.
  const child = spawnProcess(process.execPath, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    ended: endOf(child, fault ? faultyTimeoutMilliseconds : timeoutMilliseconds),
    kill: () => killGroup(child.pid),
    meetsFault: async () =>
      await waitUntil(async () => (await readFile(trace, 'utf8')).includes(`\n  ${fault?.kind}\n`)),
  };
}

async function endOf(child: ChildProcessByStdio<null, Readable, Readable>, timeout: number): Promise<Ending> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(() => killGroup(child.pid), timeout);
  const [code, signal]: (number | string | null)[] = await once(child, 'exit');
  clearTimeout(timer);
  return { how: signal === null ? `exit ${code}` : `${signal}`, output, isAlone: !isAlive(child.pid) };
}

function killGroup(pid: number | undefined): void {
  if (pid !== undefined && isAlive(pid)) process.kill(-pid, 'SIGKILL');
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** The last calls before the fault. */
async function contextOf(trace: string): Promise<string> {
  const lines = (await readFile(trace, 'utf8').catch(() => '')).split('\n');
  return lines.slice(-12).join('\n');
}

/** A new agent's first act, on a copy, so that the host itself meets its next agent as it was left. */
async function checkBetween({ scenario }: RunOptions, sysroot: string, expected: Expected | undefined): Promise<void> {
  const copy = `${sysroot}.copy`;
  try {
    await copySysroot(sysroot, copy);
    const paths = statePaths(stateDirectoryOf(copy));
    const network = new OwnNetwork(async () => undefined, undefined);
    const boot = directoryBoot(copy, paths);
    const driver = new OstreeDriver({ sysroot: copy, stateroot: 'varve', paths, boot, network });
    await driver.recover(AbortSignal.timeout(timeoutMilliseconds));
    const next = await readNextBoot(copy);
    if (!scenario.configs.includes(next.config ?? '')) throw new Error(`${next.config} would boot next`);
    for (const known of expected ? [expected.old, expected.end] : []) {
      if (known.config === next.config) requireSame(next, known);
    }
  } finally {
    await removeSysroot(copy);
  }
}

async function checkEnd({ scenario }: RunOptions, sysroot: string, expected: Expected | undefined): Promise<NextBoot> {
  const end = await readNextBoot(sysroot);
  if (expected) requireSame(end, expected.end);
  const { booted, drift } = await hostStatus(sysroot);
  if (booted.name !== end.deployment) throw new Error(`${booted.name} runs, ${end.deployment} would boot next`);
  if (drift.length > 0) throw new Error(`the host has drifted: ${JSON.stringify(drift)}`);
  const failed = (await readFailed(statePaths(stateDirectoryOf(sysroot)).failed)).map(({ config }) => config);
  const wanted = scenario.goal.kind === 'runs' && scenario.goal.failed !== undefined ? [scenario.goal.failed] : [];
  if (failed.join() !== wanted.join()) throw new Error(`given up are ${failed.join()}, not ${wanted.join()}`);
  const left = await findLeftovers(sysroot);
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  await spawn('ostree', ['fsck', '--quiet', `--repo=${join(sysroot, 'ostree/repo')}`]);
  return end;
}

function requireSame(found: NextBoot, wanted: NextBoot): void {
  const [left, right] = [new Set(found.lines), new Set(wanted.lines)];
  const more = found.lines.filter((line) => !right.has(line));
  const less = wanted.lines.filter((line) => !left.has(line));
  if (more.length + less.length === 0) return;
  throw new Error(`${found.config} is a mix; too much: ${more.join('; ')}; missing: ${less.join('; ')}`);
}
