import { hostname } from 'node:os';
import type { Command } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { parseListen } from '../listen.ts';

interface Options {
  namespace?: string;
  identity: string;
  listen?: { host: string; port: number };
  logLevel: string;
}

export function addController(program: Command, context: Context): void {
  program
    .command('controller')
    .description('run the controllers alone, on a Kubernetes cluster; of several, one leads')
    .option('--namespace <namespace>', 'where their lease and their key lie (default: varve-system)')
    .option('--identity <name>', 'who this process is, for people', hostname())
    .option('--listen <host:port>', 'where to serve /livez, /readyz and /metrics (default: nowhere)', parseListen)
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: Options, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const [{ runController }, { systemNamespace }, { createLogger }, { loadConnection }] = await Promise.all([
        import('@varve/server'),
        import('@varve/deploy'),
        import('../logger.ts'),
        import('../connect.ts'),
      ]);
      await runController({
        connection: await loadConnection(globals),
        namespace: options.namespace ?? systemNamespace,
        identity: options.identity,
        listen: options.listen,
        logger: createLogger(options.logLevel),
        signal: context.signal,
      });
    });
}
