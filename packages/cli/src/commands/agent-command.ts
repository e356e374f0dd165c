import type { Command } from 'commander';
import { collectGarbage } from '../collect-garbage.ts';
import type { Context } from '../context.ts';
import { addDriverFlag, type DriverFlag } from '../driver-flag.ts';

interface AgentFlags extends DriverFlag {
  sysroot: string;
  helper?: string;
  metrics?: string;
  logLevel: string;
}

/** `varve agent`, or `varve-agent run`. */
export function addAgent(program: Command, context: Context, name: 'agent' | 'run' = 'agent'): void {
  addDriverFlag(program.command(name))
    .description('run the agent of this host: follow its node, stage, apply, watch drift')
    .option('--sysroot <directory>', 'the root of the host, or a sysroot in a directory', '/')
    .option('--helper <socket>', 'socket of the helper that does what needs root (default: this process does it)')
    .option('--metrics <socket>', 'where to serve metrics for Prometheus (default: nowhere)')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: AgentFlags) => {
      const { sysroot, driver, helper, metrics } = options;
      const [{ RecentLog, restartProcess, runAgent }, { createLogger }] = await Promise.all([
        import('./run-agent.ts'),
        import('../logger.ts'),
      ]);
      const recentLog = new RecentLog();
      const outcome = await runAgent({
        sysroot,
        signal: context.signal,
        logger: createLogger(options.logLevel, { copy: recentLog }),
        recentLog,
        ...(driver === undefined ? {} : { driver }),
        ...(helper === undefined ? {} : { helper, onRest: collectGarbage }),
        ...(metrics === undefined ? {} : { metrics }),
      });
      // A host in a directory boots by starting its agent afresh, on the deployment that the boot entries name now.
      if (outcome === 'reboot' && sysroot !== '/') restartProcess();
    });
}
