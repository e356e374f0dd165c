import { flushCompileCache } from 'node:module';
import type { Command } from 'commander';
import { type Context, collect } from '../context.ts';
import { defaultServerState } from '../defaults.ts';
import { parseListen } from '../listen.ts';
import { addPeopleFlags, grantsOf, oidcOf, type PeopleFlags } from './people-flags.ts';

interface Options extends PeopleFlags {
  state: string;
  listen: { host: string; port: number };
  hostname?: string[];
  logLevel: string;
}

export function addUp(program: Command, context: Context): void {
  const command = program
    .command('up')
    .description('run the control plane: API server, registry and controllers on one port')
    .option('--state <directory>', 'where all state lives', defaultServerState)
    .option('--listen <host:port>', 'where to listen', parseListen, parseListen('127.0.0.1:7443'))
    .option('--hostname <name>', 'another name or address that hosts use to reach it (repeatable)', collect)
    .option('--log-level <level>', 'debug, info, warn or error', 'info');
  addPeopleFlags(command).action(async (options: Options) => {
    const [{ startServer }, { createLogger }] = await Promise.all([import('@varve/server'), import('../logger.ts')]);
    await using server = await startServer({
      stateDirectory: options.state,
      listen: options.listen,
      hostnames: options.hostname ?? [],
      oidc: await oidcOf(options),
      grants: grantsOf(options),
      logger: createLogger(options.logLevel),
      signal: context.signal,
    });
    context.terminal.out(`varve is up on ${server.url}`);
    context.terminal.out(`  kubectl:   export KUBECONFIG=${server.kubeconfigPath}`);
    context.terminal.out(
      `  registry:  ${server.authority} (--authfile ${server.registryAuthPath} --cert-dir ${server.registryCertificatesPath})`,
    );
    context.terminal.out('  a host:    varve node token');
    // It would be written at the end of this process, which may be killed before.
    flushCompileCache();
    await server.ended;
  });
}
