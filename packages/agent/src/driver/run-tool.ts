// Runs the tools of a host's distribution. What they say goes into the error: it is what an administrator would see.
import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import spawn, { SubprocessError } from 'nano-spawn';
import { AgentError } from '../error.ts';
import { checkUnitPrefix, hostSystemd, type SystemdCommands } from '../health/in-unit.ts';
import { isErrno } from '../state/durable-file.ts';

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Milliseconds after which it is killed. */
  readonly timeout?: number;
}

/** Standard output of a command; undefined when there is no such program. Throws HOST_COMMAND_FAILED. */
export type RunTool = (file: string, args: readonly string[], options: RunOptions) => Promise<string | undefined>;

const defaultTimeout = 5 * 60_000;
/** A large image over a slow line. */
export const fetchTimeout = 6 * 60 * 60_000;

/** `environment`: variables beside the process's own. */
export function toolRunner(environment: Readonly<Record<string, string>> = {}): RunTool {
  return async (file, args, options) => {
    try {
      return await runCommand(file, args, environment, options);
    } catch (error) {
      if (error instanceof SubprocessError && isErrno(error.cause, 'ENOENT')) return undefined;
      throw commandFailed([file, ...args], error, options.signal);
    }
  };
}

const outsideUnitPrefix = 'varve-tool-';
const stopTimeout = 60_000;

/**
 * For a process that is confined: the tools have to mount, and to reach registries. systemd runs them in units of their
 * own (systemd-run(1)); they are given verified digests only. A tool that nobody waits for any more is stopped, and SIGINT
 * lets rpm-ostree take its transaction back: what it staged later would be the next boot.
 */
export function outsideRunner(
  environment: Readonly<Record<string, string>> = {},
  systemd: SystemdCommands = hostSystemd,
): RunTool {
  const [runFile, ...runPrefix] = systemd.run;
  return async (file, args, options) => {
    if (!(await isThere(join('/usr/bin', file)))) return undefined;
    const unit = `${outsideUnitPrefix}${randomUUID()}.service`;
    const limit = Math.ceil((options.timeout ?? defaultTimeout) / 1000) + 5;
    const properties = [`RuntimeMaxSec=${limit}`, 'KillSignal=SIGINT', 'TimeoutStopSec=30'];
    const words = [
      ...['--quiet', '--wait', '--pipe', '--collect', '--service-type=exec', `--unit=${unit}`, '--setenv=LC_ALL=C'],
      ...properties.map((property) => `--property=${property}`),
    ];
    try {
      return await runCommand(runFile, [...runPrefix, ...words, '--', file, ...args], environment, options);
    } catch (error) {
      if (!hasEnded(error)) await stopUnits([unit], systemd);
      throw commandFailed([file, ...args], error, options.signal);
    }
  };
}

/** Stops what a killed process had systemd run: tools, health checks and drain hooks. */
export async function stopOutside(systemd: SystemdCommands = hostSystemd): Promise<void> {
  await stopUnits([`${outsideUnitPrefix}*.service`, `${checkUnitPrefix}*.service`], systemd);
}

function hasEnded(error: unknown): boolean {
  return error instanceof SubprocessError && error.exitCode !== undefined;
}

async function stopUnits(patterns: readonly string[], { control: [file, ...prefix] }: SystemdCommands): Promise<void> {
  // A unit that has ended meanwhile is unknown.
  await spawn(file, [...prefix, 'stop', '--', ...patterns], { stdin: 'ignore', timeout: stopTimeout }).catch(() => {});
}

async function runCommand(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  { signal, timeout = defaultTimeout }: RunOptions,
): Promise<string> {
  signal.throwIfAborted();
  const env = { ...environment, LC_ALL: 'C' };
  const { stdout } = await spawn(file, args, { stdin: 'ignore', env, signal, timeout });
  return stdout;
}

function commandFailed(command: readonly string[], error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof SubprocessError)) return error;
  const said = (error.stderr || error.stdout || error.message).trim().slice(-2000);
  return new AgentError('HOST_COMMAND_FAILED', `\`${command.join(' ')}\` failed: ${said}`, { cause: error });
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** The program has to be there. Throws DRIVER_UNSUITABLE. */
export async function requireTool(
  run: RunTool,
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<string> {
  const output = await run(file, args, options);
  if (output !== undefined) return output;
  throw new AgentError(
    'DRIVER_UNSUITABLE',
    `this host has no ${file}; install it in the image, or choose another driver`,
  );
}

export function parseToolJson(text: string, command: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AgentError('HOST_COMMAND_FAILED', `\`${command}\` printed no JSON: ${text.slice(0, 200)}`, { cause });
  }
}
