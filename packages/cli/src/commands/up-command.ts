import type { Command } from 'commander';
import { type Context, collect } from '../context.ts';
import { defaultServerState } from '../defaults.ts';
import { CliError } from '../error.ts';

interface Options {
  state: string;
  listen: { host: string; port: number };
  hostname?: string[];
  logLevel: string;
}

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address). */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new CliError('USAGE', `--listen is HOST:PORT, such as 127.0.0.1:7443 or :7443; got ${text}`);
  }
  return { host: match[1] ?? (match[2] === '' || match[2] === undefined ? '::' : match[2]), port };
}

export function addUp(program: Command, context: Context): void {
  program
    .command('up')
    .description('run the control plane: API server, registry and controllers on one port')
    .option('--state <directory>', 'where all state lives', defaultServerState)
    .option('--listen <host:port>', 'where to listen', parseListen, parseListen('127.0.0.1:7443'))
    .option('--hostname <name>', 'another name or address that hosts use to reach it (repeatable)', collect)
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: Options) => {
      const [{ startServer }, { createLogger }] = await Promise.all([import('@varve/server'), import('../logger.ts')]);
      await using server = await startServer({
        stateDirectory: options.state,
        listen: options.listen,
        hostnames: options.hostname ?? [],
        logger: createLogger(options.logLevel),
        signal: context.signal,
      });
      context.terminal.out(`varve is up on ${server.url}`);
      context.terminal.out(`  kubectl:   export KUBECONFIG=${server.kubeconfigPath}`);
      context.terminal.out(
        `  registry:  ${server.authority} (--authfile ${server.registryAuthPath} --cert-dir ${server.registryCertificatesPath})`,
      );
      context.terminal.out('  a host:    varve node token');
      await server.ended;
    });
}
