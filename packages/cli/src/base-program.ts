// What the commands `varve` and `varve-agent` have in common: how they print, complain and end.
import { Command, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import type { Context } from './context.ts';
import { outputFormats } from './output.ts';

export function createBaseProgram(name: string, description: string, context: Context): Command {
  return new Command(name)
    .description(description)
    .version(packageJson.version)
    .addOption(new Option('-o, --output <format>', 'how to print').choices(outputFormats).default('table'))
    .showSuggestionAfterError()
    .showHelpAfterError(`(${name} help COMMAND says more)`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.out(text.trimEnd()),
      writeErr: (text) => context.terminal.err(text.trimEnd()),
    });
}
