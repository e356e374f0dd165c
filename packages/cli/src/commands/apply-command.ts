import type { Command } from 'commander';
import { type Context, collect, type GlobalOptions, withClient } from '../context.ts';
import { CliError } from '../error.ts';
import { print } from '../output.ts';
import type { ApplyResult } from './apply.ts';

export function addApply(program: Command, context: Context): void {
  program
    .command('apply')
    .description('create objects, or change them to what the manifests say (as kubectl apply)')
    .requiredOption('-f, --filename <path>', 'file, directory or - (repeatable)', collect)
    .option('--dry-run', 'let the server check everything, and store nothing', false)
    .action(async (options: { filename: string[]; dryRun: boolean }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { applyObject, readManifests } = await import('./apply.ts');
      const objects = await readManifests(options.filename);
      if (objects.length === 0) throw new CliError('MANIFEST_UNREADABLE', `${options.filename.join(', ')}: no objects`);
      const results: ApplyResult[] = [];
      await withClient(globals, async (client) => {
        for (const object of objects) {
          results.push(await applyObject(client, object, { dryRun: options.dryRun, signal: context.signal }));
        }
      });
      const suffix = options.dryRun ? ' (dry run)' : '';
      print(context.terminal, globals.output, results, () =>
        results.map(({ kind, name, outcome }) => `${kind.toLowerCase()}/${name} ${outcome}${suffix}`).join('\n'),
      );
    });
}
