// Runs the tools of a host's distribution. What they say goes into the error: it is what an administrator would see.
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
  return async (file, args, { signal, timeout = defaultTimeout }) => {
    signal.throwIfAborted();
    try {
      const env = { ...environment, LC_ALL: 'C' };
      const { stdout } = await spawn(file, args, { stdin: 'ignore', env, signal, timeout });
      return stdout;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SubprocessError)) throw error;
      if (isErrno(error.cause, 'ENOENT')) return undefined;
      const said = (error.stderr || error.stdout || error.message).trim().slice(-2000);
      throw new AgentError('HOST_COMMAND_FAILED', `\`${[file, ...args].join(' ')}\` failed: ${said}`, { cause: error });
    }
  };
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
