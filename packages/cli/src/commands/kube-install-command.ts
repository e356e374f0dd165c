import type { Command } from 'commander';
import { type Context, type GlobalOptions, parseDuration } from '../context.ts';
import { print } from '../output.ts';

interface InstallFlags {
  root: string;
  name: string;
  server?: string;
  tokenFile: string;
  caFile: string;
  timeout: number;
}

/** `varve-agent kube-install`: what the DaemonSet's privileged container runs, once for each start of its pod. */
export function addKubeInstall(program: Command, context: Context): void {
  program
    .command('kube-install')
    .description('install this agent as a service of the host whose root is mounted, and join the host')
    .requiredOption('--root <directory>', 'where the root of the host is mounted')
    .requiredOption('--name <name>', 'name of the node')
    .requiredOption('--token-file <file>', "the pod's token, which names the node")
    .requiredOption('--ca-file <file>', "the API server's certificate authority, in PEM")
    .option('--server <url>', 'where the host reaches the API server (default: as pods do)')
    .option('--timeout <duration>', 'how long to wait for the certificate', parseDuration, parseDuration('5m'))
    .action(async (flags: InstallFlags, command: Command) => {
      const { output } = command.optsWithGlobals<GlobalOptions>();
      const { installHere } = await import('./kube-install.ts');
      const installed = await installHere(flags, context);
      print(context.terminal, output, installed, () => `${installed.nodeName} has joined ${installed.server}`);
    });
}
