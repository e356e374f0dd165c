// One run of a command: parses, runs, prints. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
import { type Command, CommanderError } from 'commander';
import type { Context } from './context.ts';
import { describeError, exitCodeOf } from './error.ts';
import { processTerminal } from './output.ts';

export async function run(createProgram: (context: Context) => Command): Promise<void> {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // The second one does not wait for anything.
      if (interrupt.signal.aborted) process.exit(130);
      interrupt.abort();
    });
  }
  const terminal = processTerminal();
  // `varve get … | head` closes the pipe early; that is no failure.
  process.stdout.on('error', () => process.exit(0));
  try {
    await createProgram({ terminal, signal: interrupt.signal }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else {
      terminal.err(describeError(error));
      process.exitCode = interrupt.signal.aborted ? 130 : exitCodeOf(error);
    }
  }
}
