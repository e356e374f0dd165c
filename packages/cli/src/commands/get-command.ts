import type { Command } from 'commander';
import { type Context, type GlobalOptions, withClient } from '../context.ts';
import { print } from '../output.ts';

interface Options {
  namespace?: string;
  selector?: string;
  wide: boolean;
}

export function addGet(program: Command, context: Context): void {
  program
    .command('get')
    .description('show objects: pools (mcp), nodes of pools (mcn), MachineConfigs (mc), nodes, events …')
    .argument('<kind>', 'plural, singular or short name')
    .argument('[name]')
    .option('-n, --namespace <namespace>')
    .option('-l, --selector <selector>', 'label selector, such as role=worker')
    .option('--wide', 'more columns', false)
    .action(async (kind: string, name: string | undefined, options: Options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const [{ findDefinition }, { getObjects, getTable }] = await Promise.all([
        import('../kinds.ts'),
        import('./get.ts'),
      ]);
      const definition = findDefinition(kind);
      const query = { name, namespace: options.namespace, selector: options.selector, signal: context.signal };
      await withClient(globals, async (client) => {
        if (globals.output === 'table') {
          context.terminal.out(await getTable(client, definition, { ...query, wide: options.wide }));
        } else {
          print(context.terminal, globals.output, await getObjects(client, definition, query), () => '');
        }
      });
    });
}
