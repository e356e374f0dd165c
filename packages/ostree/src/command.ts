// Running the few programs that every OSTree host has: `ostree` and, from coreutils, `sync`.
import spawn, { SubprocessError } from 'nano-spawn';
import { isDiskFullText } from './disk-space.ts';
import { OstreeError } from './error.ts';

interface CommandOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the command is killed. */
  readonly timeout?: number;
}

const defaultTimeout = 15 * 60_000;

/**
 * Runs a command and gives its standard output.
 * @throws OstreeError OSTREE_COMMAND_FAILED with what the command said, DISK_FULL when it said that
 */
export async function runCommand(
  file: 'ostree' | 'sync',
  args: string[],
  options: CommandOptions = {},
): Promise<string> {
  const { signal, timeout = defaultTimeout } = options;
  signal?.throwIfAborted();
  try {
    const { stdout } = await spawn(file, args, {
      stdin: 'ignore',
      env: { LC_ALL: 'C' },
      timeout,
      ...(signal && { signal }),
    });
    return stdout;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof SubprocessError)) throw error;
    throw commandFailed(`${file} ${args.join(' ')}`, error);
  }
}

function commandFailed(command: string, error: SubprocessError): OstreeError {
  const said = (error.stderr || error.message).slice(-2000);
  if (isDiskFullText(said)) {
    return new OstreeError(
      'DISK_FULL',
      `the disk is full: \`${command}\` failed: ${said}; free some space and try again`,
      {
        cause: error,
      },
    );
  }
  return new OstreeError('OSTREE_COMMAND_FAILED', `\`${command}\` failed: ${said}`, { cause: error });
}
