import type { Command } from 'commander';
import { type Context, type GlobalOptions, withClient } from '../context.ts';
import { defaultServerState } from '../defaults.ts';
import { print } from '../output.ts';

interface RotateOptions {
  state: string;
  cluster?: boolean;
  revoke?: boolean;
}

export function addKey(program: Command, context: Context): void {
  const key = program.command('key').description('the key that signs what hosts run');
  key
    .command('rotate')
    .description('make a new key; a control plane that runs takes it up, and hosts follow')
    .option('--state <directory>', "the control plane's state", defaultServerState)
    .option('--cluster', 'of the controllers on a cluster, in their Secret; --state is not read')
    .option('--revoke', 'trust the old key no longer, instead of until the next rotation')
    .action(async ({ state, cluster = false, revoke = false }: RotateOptions, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { rotateConfigurationKey } = await import('@varve/server');
      const rotated = cluster
        ? await rotateOnCluster(globals, revoke, context.signal)
        : await rotateConfigurationKey(state, { revoke });
      print(context.terminal, globals.output, rotated, () => {
        const count = rotated.keys === 1 ? 'the new key alone' : 'the new key, and the one before it';
        return `key set ${rotated.version}: hosts trust ${count}`;
      });
    });
}

async function rotateOnCluster(globals: GlobalOptions, revoke: boolean, signal: AbortSignal) {
  const [{ rotateConfigurationKeySecret }, { configurationKeySecret: name, systemNamespace: namespace }] =
    await Promise.all([import('@varve/server'), import('@varve/deploy')]);
  return await withClient(globals, (client) =>
    rotateConfigurationKeySecret(client, { namespace, name }, { revoke, signal }),
  );
}
