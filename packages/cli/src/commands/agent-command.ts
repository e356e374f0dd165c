import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** `varve agent`, or `varve-agent run`. */
export function addAgent(program: Command, context: Context, name: 'agent' | 'run' = 'agent'): void {
  program
    .command(name)
    .description('run the agent of this host: follow its node, stage, apply, watch drift')
    .option('--sysroot <directory>', 'the root of the host, or a sysroot in a directory', '/')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: { sysroot: string; logLevel: string }) => {
      const [{ restartProcess, runAgent }, { createLogger }] = await Promise.all([
        import('@varve/agent'),
        import('../logger.ts'),
      ]);
      const logger = createLogger(options.logLevel);
      const outcome = await runAgent({ sysroot: options.sysroot, signal: context.signal, logger });
      // A host in a directory boots by starting its agent afresh, on the deployment that the boot entries name now.
      if (outcome === 'reboot' && options.sysroot !== '/') restartProcess();
    });
}
