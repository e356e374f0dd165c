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
      print(context.terminal, globals.output, explanation, () => {
        const lines = [explanation.answer];
        if (explanation.advice !== '') lines.push(`  next: ${explanation.advice}`);
        for (const line of explanation.output?.split('\n') ?? []) lines.push(`  check: ${line}`);
        for (const difference of explanation.drift) lines.push(`  drift: ${difference.replaceAll('\n', '\n    ')}`);
        return lines.join('\n');
      });
    });
}
