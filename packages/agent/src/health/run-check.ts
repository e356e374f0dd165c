// Runs one executable of a health directory. It may hang, flood, fork or not start at all: the answer comes within its
// time, with the end of what it wrote.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import spawnAndBuffer from 'nano-spawn';
import { OutputTail } from './output-tail.ts';

export interface CheckCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  /** What ends it where killing the process group does not. */
  readonly stop?: CheckCommand;
}

export interface CheckRun {
  readonly passed: boolean;
  /** What is wrong, for people; empty when it passed. */
  readonly message: string;
  readonly output: string;
}

/** Bytes; a check that writes more is stopped: nobody reads that. */
const maxWritten = 16 << 20;
/** Milliseconds for what a check wrote last to arrive after its end; its children may hold the pipe for ever. */
const drainMilliseconds = 250;
const killMilliseconds = 5_000;
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** `timeout` in milliseconds. Rejects only when `signal` aborts; whatever it started is killed then, too. */
export async function runCheck(command: CheckCommand, timeout: number, signal: AbortSignal): Promise<CheckRun> {
  signal.throwIfAborted();
  // Not nano-spawn: it keeps the whole output, and leaves grandchildren alive. A session of its own makes one group of all.
  const child = spawn(command.command, command.arguments, {
    cwd: '/',
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const tail = new OutputTail();
  const end = await outcomeOf(child, tail, timeout, command.stop, signal);
  await Promise.race([drained(child), sleep(drainMilliseconds)]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  signal.throwIfAborted();
  return { passed: end === '', message: end, output: tail.toString() };
}

/** Empty when it passed. */
async function outcomeOf(
  child: ChildProcess,
  tail: OutputTail,
  timeout: number,
  stopCommand: CheckCommand | undefined,
  signal: AbortSignal,
): Promise<string> {
  const stop = Promise.withResolvers<string>();
  const timer = setTimeout(() => stop.resolve(`did not end within ${timeout / 1000} s`), timeout);
  const onAbort = () => stop.resolve('was stopped');
  signal.addEventListener('abort', onAbort, { once: true });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      tail.add(chunk);
      if (tail.total > maxWritten) stop.resolve(`wrote more than ${maxWritten >> 20} MiB`);
    });
  }
  try {
    const stopped = await Promise.race([stop.promise, exitOf(child).then(() => undefined)]);
    if (stopped !== undefined) {
      if (stopCommand) await runStop(stopCommand);
      killGroup(child);
      // A process in an uninterruptible wait outlives even SIGKILL.
      await Promise.race([exitOf(child), sleep(killMilliseconds)]);
      return stopped;
    }
    return describeExit(child);
  } catch (error) {
    return `cannot be run: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Rejects when the process could not be started. */
async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

function describeExit({ exitCode, signalCode }: ChildProcess): string {
  if (exitCode === 0) return '';
  return signalCode ? `was ended by ${signalCode}` : `ended with status ${exitCode}`;
}

async function drained(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.readableEnded);
  await Promise.all(streams.map((stream) => stream && once(stream, 'close').catch(() => {})));
}

async function runStop({ command, arguments: words }: CheckCommand): Promise<void> {
  // It may have ended by itself meanwhile.
  await spawnAndBuffer(command, words, { timeout: killMilliseconds }).catch(() => {});
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}
