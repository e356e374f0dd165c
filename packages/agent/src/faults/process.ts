// Processes of a run: each leads a group of its own, which can be killed with all that it has started.
import { type ChildProcessByStdio, spawn as spawnProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { waitUntil } from '../fixtures/host.ts';
import { type Fault, faultVariable, formatFault, releasePath, traceVariable } from './fault.ts';

export interface FaultyStart {
  /** For `node --import`. */
  readonly preload: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly fault: Fault | undefined;
  /** Path of a file that is not there yet. */
  readonly trace: string;
  /** Milliseconds after which it is killed. */
  readonly timeout: number;
}

export interface Ending {
  readonly how: string;
  readonly output: string;
  /** Nothing that it has started is alive. */
  readonly isAlone: boolean;
}

export interface RunningProcess {
  readonly ended: Promise<Ending>;
  /** Until the fault has begun. */
  meetsFault(): Promise<void>;
  /** Lets a held call happen. */
  release(): Promise<void>;
  /** Asks it to end. */
  stop(): void;
  kill(): void;
}

export function startFaulty({ preload, program, args, fault, trace, timeout }: FaultyStart): RunningProcess {
  const env = {
    ...process.env,
    // Who gives up being root has no home of root's.
    HOME: '/nonexistent',
    // Thousands of processes have the same program.
    NODE_COMPILE_CACHE: join(dirname(preload), 'compiled'),
    [traceVariable]: trace,
    [faultVariable]: fault ? formatFault(fault) : '',
  };
  const child = spawnProcess(process.execPath, ['--import', preload, program, ...args], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return {
    ended: endOf(child, timeout),
    stop: () => void child.kill('SIGTERM'),
    kill: () => killGroup(child.pid),
    release: async () => await writeFile(releasePath(trace), ''),
    meetsFault: async () =>
      await waitUntil(async () => (await readFile(trace, 'utf8')).includes(`\n  ${fault?.kind}\n`)),
  };
}

/** The last calls before the fault. */
export async function contextOf(trace: string): Promise<string> {
  const lines = (await readFile(trace, 'utf8').catch(() => '')).split('\n');
  return lines.slice(-12).join('\n');
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
