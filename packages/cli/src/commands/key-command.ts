import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { defaultServerState } from '../defaults.ts';
import { print } from '../output.ts';

interface RotateOptions {
  state: string;
  revoke?: boolean;
}

export function addKey(program: Command, context: Context): void {
  const key = program.command('key').description('the key that signs what hosts run');
  key
    .command('rotate')
    .description('make a new key; a control plane that runs takes it up, and hosts follow')
    .option('--state <directory>', "the control plane's state", defaultServerState)
    .option('--revoke', 'trust the old key no longer, instead of until the next rotation')
    .action(async ({ state, revoke = false }: RotateOptions, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { rotateConfigurationKey } = await import('@varve/server');
      const rotated = await rotateConfigurationKey(state, { revoke });
      print(context.terminal, globals.output, rotated, () => {
        const count = rotated.keys === 1 ? 'the new key alone' : 'the new key, and the one before it';
        return `key set ${rotated.version}: hosts trust ${count}`;
      });
    });
}
