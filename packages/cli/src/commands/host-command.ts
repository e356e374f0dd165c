import type { Command } from 'commander';
import { type Context, collect, type GlobalOptions } from '../context.ts';
import { addDriverFlag, type DriverFlag } from '../driver-flag.ts';
import { print } from '../output.ts';
import { addRegistryFlags, type RegistryFlags } from '../registry-flags.ts';
import { formatHostStatus, stagingProgress, summarizeHost } from './host.ts';
import { addLocalHost } from './host-local-command.ts';

interface CreateOptions extends RegistryFlags {
  sysroot: string;
  image: string;
  karg?: string[];
}

export function addHost(program: Command, context: Context): void {
  const host = program.command('host').description('look at this host, change it by hand, or make one in a directory');
  addStatus(host, context);
  addLocalHost(host, context);
  addCreate(host, context);
}

function addStatus(host: Command, context: Context): void {
  addDriverFlag(host.command('status'))
    .description('what the host runs, what it can go back to, and what differs from its config')
    .option('--sysroot <directory>', 'the root of the host, or a sysroot in a directory', '/')
    .action(async ({ sysroot, driver }: { sysroot: string } & DriverFlag, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { hostStatus } = await import('@varve/agent');
      const status = summarizeHost(await hostStatus(sysroot, { driver, signal: context.signal }));
      print(context.terminal, globals.output, status, () => formatHostStatus(status));
    });
}

function addCreate(host: Command, context: Context): void {
  addRegistryFlags(
    host
      .command('create')
      .description('make a host in a directory: an OSTree sysroot with an image deployed into it')
      .requiredOption('--sysroot <directory>', 'where')
      .requiredOption('--image <reference>', 'the image to deploy')
      .option('--karg <argument>', 'kernel argument of the host (repeatable)', collect),
  ).action(async (options: CreateOptions, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const [{ createHost }, { registryOptions }] = await Promise.all([
      import('@varve/agent'),
      import('../registry-access.ts'),
    ]);
    const created = await createHost({
      sysroot: options.sysroot,
      image: options.image,
      kernelArguments: options.karg ?? ['root=LABEL=root', 'rw'],
      registry: await registryOptions(options),
      signal: context.signal,
      onProgress: stagingProgress(context.terminal),
    });
    const status = summarizeHost(created);
    print(context.terminal, globals.output, status, () => formatHostStatus(status));
  });
}
