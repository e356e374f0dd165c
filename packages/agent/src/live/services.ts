// Telling running services of their new configuration.
import { existsSync } from 'node:fs';
import type { Action } from '@varve/api';
import spawn, { SubprocessError } from 'nano-spawn';
import { AgentError } from '../error.ts';

export interface ServiceManager {
  /** Gives paths, as seen from the root, the SELinux labels of their names. Where there is no SELinux, nothing. */
  relabel(paths: readonly string[], signal: AbortSignal): Promise<void>;
  /** Throws UNIT_FAILED. */
  run(action: Action, signal: AbortSignal): Promise<void>;
}

/** Longer than a service may take by default to stop and to start (systemd.service(5), TimeoutStopSec= and TimeoutStartSec=). */
const timeoutMilliseconds = 4 * 60_000;

/** No systemd runs the tree: what it starts one day reads the new files anyway. */
export const offlineServices: ServiceManager = { async run() {}, async relabel() {} };

/** The systemd of this machine. */
export function systemdServices(command: readonly [file: string, ...args: string[]] = ['systemctl']): ServiceManager {
  const [file, ...prefix] = command;
  return {
    async relabel(paths, signal) {
      // A new file has its directory's label; /etc/shadow, for one, must have its own.
      if (paths.length === 0 || !existsSync('/sys/fs/selinux/enforce')) return;
      await run('restorecon', ['-i', '--', ...paths], signal);
    },
    async run(action, signal) {
      const args = systemctlArguments(action);
      if (args) await run(file, [...prefix, ...args], signal);
    },
  };
}

/** Undefined for what is no business of systemd's. */
export function systemctlArguments(action: Action): string[] | undefined {
  switch (action.kind) {
    case 'DaemonReload':
      return ['daemon-reload'];
    case 'Reload':
      // try-: a unit that is not there or does not run is no failure (systemctl(1)).
      return [action.ifRunning ? 'try-reload-or-restart' : 'reload', '--', action.unit];
    case 'Restart':
      return [action.ifRunning ? 'try-restart' : 'restart', '--', action.unit];
    default:
      // The control plane drains before it gives a slot; a boot is no action of a live apply.
      return undefined;
  }
}

async function run(file: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await spawn(file, args, { env: { LC_ALL: 'C' }, signal, timeout: timeoutMilliseconds });
  } catch (cause) {
    // Who asked is gone, or the agent is told to stop: that says nothing about the unit.
    signal.throwIfAborted();
    const shown = args.join(' ').slice(0, 300);
    const output = cause instanceof SubprocessError ? cause.stderr.trim().slice(0, 1000) : String(cause);
    throw new AgentError('UNIT_FAILED', `${file} ${shown} failed: ${output}; look at the log`, {
      cause,
    });
  }
}
