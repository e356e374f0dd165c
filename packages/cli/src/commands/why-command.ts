import type { Command } from 'commander';
import { type Context, type GlobalOptions, withClient } from '../context.ts';
import { print } from '../output.ts';

export function addWhy(program: Command, context: Context): void {
  program
    .command('why')
    .description('say why a host is not updated, and what to do')
    .argument('<node>')
    .action(async (name: string, _options: unknown, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { explainHost } = await import('./why.ts');
      const explanation = await withClient(globals, (client) => explainHost(client, name, context.signal));
      print(context.terminal, globals.output, explanation, () =>
        explanation.advice === '' ? explanation.answer : `${explanation.answer}\n  next: ${explanation.advice}`,
      );
    });
}
