import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { print } from '../output.ts';
import { addRegistryFlags, type RegistryFlags } from '../registry-flags.ts';

interface DiffOptions extends RegistryFlags {
  files: boolean;
}

export function addDiff(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('diff')
      .description('show what changed between two images: packages, kernel, files, labels, and what a host fetches')
      .argument('<before>', 'REFERENCE, or oci:DIRECTORY:NAME as skopeo has it')
      .argument('<after>', 'the same')
      .option('--files', 'name every file that changed', false),
  ).action(async (before: string, after: string, options: DiffOptions, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const [{ diff }, { formatDiff }] = [await import('./image-diff.ts'), await import('./image-diff-table.ts')];
    const difference = await diff(before, after, options, context.signal);
    print(context.terminal, globals.output, difference, () => formatDiff(difference, { allFiles: options.files }));
  });
}
