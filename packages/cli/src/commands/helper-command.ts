import type { Command } from 'commander';
import { type Context, parseDuration } from '../context.ts';
import { addDriverFlag, type DriverFlag } from '../driver-flag.ts';

interface HelperFlags extends DriverFlag {
  sysroot: string;
  socket: string;
  idle?: number;
  logLevel: string;
}

/** `varve-agent helper`: what varve-helper.service runs. */
export function addHelper(program: Command, context: Context): void {
  addDriverFlag(program.command('helper'))
    .description('run the helper of this host: does as root what the control plane has signed, without network')
    .option('--sysroot <directory>', 'the root of the host, or a sysroot in a directory', '/')
    .option('--socket <path>', 'where to listen, unless systemd hands a socket over', '/run/varve/helper.sock')
    .option('--idle <duration>', 'end when nobody was connected for this long (default: stay)', parseDuration)
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: HelperFlags) => {
      const { sysroot, socket, idle, driver } = options;
      const [{ isActivated, restartProcess, runHelper }, { createLogger }] = await Promise.all([
        import('@varve/agent'),
        import('../logger.ts'),
      ]);
      const outcome = await runHelper({
        sysroot,
        ...(driver === undefined ? {} : { driver }),
        socket: { path: socket, group: undefined },
        ...(idle === undefined ? {} : { idle }),
        signal: context.signal,
        logger: createLogger(options.logLevel),
      });
      // As of the agent. A socket of systemd's does not outlive execve(2); it starts a helper for the next who connects.
      if (outcome === 'reboot' && sysroot !== '/' && !isActivated(process.env)) restartProcess();
    });
}
