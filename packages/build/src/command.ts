// Runs one of the system's tools with an argument array, hands its output on line by line, and tells apart the three
// ways it can end badly: the tool is not installed, the caller gave up, the tool failed.
import spawn, { SubprocessError } from 'nano-spawn';
import { BuildError } from './error.ts';
import { prerequisites } from './prerequisites.ts';

export interface CommandOptions {
  readonly signal?: AbortSignal | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called with each line of standard output and standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Milliseconds after which the command is stopped. */
  readonly timeout: number;
  /** How the command is stopped; SIGTERM by default. unshare --fork ignores that, and SIGKILL ends all it started. */
  readonly killSignal?: 'SIGTERM' | 'SIGKILL';
}

/** A tool that ran and failed. Never leaves this package: callers say what it means in a BuildError. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  /** The last lines that the tool wrote, oldest first. */
  readonly lastLines: readonly string[];

  constructor(message: string, lastLines: readonly string[], options: { cause: unknown }) {
    super(message, options);
    this.lastLines = lastLines;
  }
}

/** What tools and the operating system report, as against a mistake in this package. */
export function isOperationalFailure(error: unknown): error is Error {
  return error instanceof CommandFailure || (error instanceof Error && 'syscall' in error);
}

const linesKept = 20;

/** The last lines as they follow a message: indented, or nothing where the tool wrote nothing. */
export function formatLastLines(lines: readonly string[]): string {
  const written = lines.filter((line) => line.trim() !== '');
  return written.length === 0 ? '' : ` Last lines:\n${written.map((line) => `  ${line}`).join('\n')}`;
}

/**
 * Runs a tool and returns its standard output without the last newline (empty when `onLine` is given).
 * Throws BuildError BUILD_TOOL_MISSING, CommandFailure, or the signal's reason.
 */
export async function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const deadline = AbortSignal.timeout(options.timeout);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const lastLines: string[] = [];
  try {
    const subprocess = spawn(file, args, {
      stdin: 'ignore',
      signal,
      killSignal: options.killSignal ?? 'SIGTERM',
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (options.onLine === undefined) return (await subprocess).stdout;
    for await (const line of subprocess) {
      lastLines.push(line);
      if (lastLines.length > linesKept) lastLines.shift();
      options.onLine(line);
    }
    return '';
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explain(error, file, options, deadline.aborted, lastLines);
  }
}

function explain(error: unknown, file: string, options: CommandOptions, timedOut: boolean, streamed: string[]): Error {
  if (!(error instanceof SubprocessError)) return error instanceof Error ? error : new Error(String(error));
  if (isNotFound(error.cause)) return missingTool(file, error);
  const output = streamed.length > 0 ? streamed : error.output.split('\n').slice(-linesKept);
  const how = timedOut ? `did not end within ${options.timeout / 60_000} minutes` : endOf(error);
  return new CommandFailure(`${file} ${how}`, output, { cause: error });
}

function endOf(error: SubprocessError): string {
  if (error.signalName !== undefined) return `was ended by ${error.signalName}`;
  return `ended with exit code ${error.exitCode ?? 'unknown'}`;
}

function isNotFound(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

function missingTool(file: string, cause: unknown): BuildError {
  const wanted = prerequisites.find((prerequisite) => prerequisite.command === file);
  const cure = wanted === undefined ? 'install it' : `install it with: apt-get install ${wanted.package}`;
  return new BuildError('BUILD_TOOL_MISSING', `${file} is not installed; ${cure}`, { cause });
}
