import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { defaultServerState } from '../defaults.ts';
import { print } from '../output.ts';

export function addBackup(program: Command, context: Context): void {
  program
    .command('backup')
    .description('write objects, certificates and keys of the control plane to one file, while it runs or not')
    .argument('<file>', 'where to; it holds every key: keep it where only you can read it')
    .option('--state <directory>', "the control plane's state", defaultServerState)
    .action(async (file: string, { state }: { state: string }, command: Command) => {
      const { createBackup } = await import('@varve/server');
      const summary = await createBackup({ stateDirectory: state, file, signal: context.signal });
      print(
        context.terminal,
        command.optsWithGlobals<GlobalOptions>().output,
        { file, ...summary },
        () =>
          `${file}: ${summary.objects} objects, ${summary.files} certificates and keys, as of revision ${summary.revision}`,
      );
    });
}

export function addRestore(program: Command, context: Context): void {
  program
    .command('restore')
    .description('make the state of a control plane from a backup')
    .argument('<file>', 'what `varve backup` wrote')
    .option('--state <directory>', 'where to; it must not be there, or be empty', defaultServerState)
    .action(async (file: string, { state }: { state: string }, command: Command) => {
      const { restoreBackup } = await import('@varve/server');
      const summary = await restoreBackup({ file, stateDirectory: state });
      print(context.terminal, command.optsWithGlobals<GlobalOptions>().output, { state, ...summary }, () =>
        [
          `${state}: ${summary.objects} objects, ${summary.files} certificates and keys`,
          `  start it:  varve up --state ${state}`,
        ].join('\n'),
      );
    });
}
