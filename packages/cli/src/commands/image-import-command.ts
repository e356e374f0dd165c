import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { formatBytes, print } from '../output.ts';
import { addRegistryFlags, type RegistryFlags } from '../registry-flags.ts';
import type { ImportOptions } from './image-import.ts';

/** Where a booted host has its repository: ostree(1). */
const hostRepository = '/ostree/repo';
const sourceHelp = 'REFERENCE, oci:DIRECTORY:NAME, oci-archive:FILE, docker-archive:FILE or dir:DIRECTORY';
const asHelp = 'the reference under which hosts know an image that is in no registry';

export function addPull(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('pull')
      .description("copy an image to an OCI layout, or into this host's OSTree repository where no place is named")
      .argument('<image>', sourceHelp)
      .argument('[destination]', 'oci:DIRECTORY:NAME, or a reference'),
  ).action(async (from: string, to: string | undefined, options: RegistryFlags, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const { formatImported, importInto, pullImage } = await import('./image-import.ts');
    if (to === undefined) {
      const imported = await importInto(from, { ...options, repo: hostRepository }, context);
      print(context.terminal, globals.output, imported, () => formatImported(imported));
      return;
    }
    const copied = await pullImage(from, to, options, context);
    print(context.terminal, globals.output, copied, () => {
      const bytes = `${formatBytes(copied.bytesFetched)} fetched, ${formatBytes(copied.bytesReused)} reused`;
      return `${copied.digest}\n  bytes:  ${bytes}`;
    });
  });
}

export function addImport(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('import')
      .description('import an image into an OSTree repository: only layers and files that it has not are fetched')
      .argument('<source>', sourceHelp)
      .option('--repo <directory>', 'of mode bare, such as the one of a host', hostRepository)
      .option('--as <reference>', asHelp),
  ).action(async (from: string, options: ImportOptions, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const { formatImported, importInto } = await import('./image-import.ts');
    const imported = await importInto(from, options, context);
    print(context.terminal, globals.output, imported, () => formatImported(imported));
  });
}

export function addMerge(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('merge')
      .description('make one commit of the layers of an image that an OSTree repository has; fetch no layer')
      .argument('<source>', sourceHelp)
      .option('--repo <directory>', 'of mode bare, such as the one of a host', hostRepository)
      .option(
        '--branch <name>',
        'name the commit so that ostree commands find it: ostree checkout, ostree admin deploy',
      )
      .option('--as <reference>', asHelp),
  ).action(async (from: string, options: ImportOptions & { branch?: string }, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const { formatImported, mergeLayers } = await import('./image-import.ts');
    const merged = await mergeLayers(from, options, context);
    print(context.terminal, globals.output, merged, () => formatImported(merged));
  });
}
