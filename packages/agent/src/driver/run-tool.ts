// Runs the tools of a host's distribution. What they say goes into the error: it is what an administrator would see.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import spawn, { SubprocessError } from 'nano-spawn';
import { AgentError } from '../error.ts';
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

/**
 * For a process that is confined: the tools have to mount, and to reach registries. systemd runs them in units of their
 * own (systemd-run(1)); they are given verified digests only.
 */
export function outsideRunner(environment: Readonly<Record<string, string>> = {}): RunTool {
  return async (file, args, options) => {
    if (!(await isThere(join('/usr/bin', file)))) return undefined;
    const unit = ['--quiet', '--wait', '--pipe', '--collect', '--service-type=exec', '--setenv=LC_ALL=C'];
    try {
      return await runCommand('systemd-run', [...unit, '--', file, ...args], environment, options);
    } catch (error) {
      throw commandFailed([file, ...args], error, options.signal);
    }
  };
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
