import type { Command } from 'commander';
import { type Context, type GlobalOptions, parseDuration, withClient } from '../context.ts';
import { formatTable, print } from '../output.ts';
import type { RolloutStatus } from './rollout.ts';

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

function tableOf(status: RolloutStatus): string {
  const state = status.updated ? 'updated' : 'updating';
  const head = `pool ${status.pool}: ${status.updatedMachineCount} of ${status.machineCount} hosts on ${status.target ?? 'no target yet'}, ${state}`;
  const rows = status.nodes.map(({ node, step, current, message }) => [node, step, current ?? '-', message]);
  return [head, ...status.problems, formatTable(['node', 'step', 'current', 'message'], rows)].join('\n');
}

export function addRollout(program: Command, context: Context): void {
  const rollout = program.command('rollout').description('follow rollouts');
  rollout
    .command('status')
    .description('follow a pool until every host is on its target')
    .argument('<pool>')
    .option('--no-watch', 'show the state now, and end')
    .option('--timeout <duration>', 'give up after this', parseDuration, parseDuration('1h'))
    .action(async (pool: string, options: { watch: boolean; timeout: number }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { rolloutStatus, watchRollout } = await import('./rollout.ts');
      await withClient(globals, async (client) => {
        const status = options.watch
          ? await watchRollout(client, pool, {
              signal: context.signal,
              timeout: options.timeout,
              // Progress goes to stderr where stdout is for a program.
              onChange: (line) =>
                globals.output === 'table' ? context.terminal.out(`${clock()}  ${line}`) : context.terminal.err(line),
            })
          : await rolloutStatus(client, pool, context.signal);
        print(context.terminal, globals.output, status, () => tableOf(status));
      });
    });
}
