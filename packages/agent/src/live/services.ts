// Telling running services of their new configuration.
import type { Action } from '@varve/api';
import spawn, { SubprocessError } from 'nano-spawn';
import { AgentError } from '../error.ts';

export interface ServiceManager {
  /** Throws UNIT_FAILED. */
  run(action: Action, signal: AbortSignal): Promise<void>;
}

/** Longer than a service may take by default to stop and to start (systemd.service(5), TimeoutStopSec= and TimeoutStartSec=). */
const timeoutMilliseconds = 4 * 60_000;

/** No systemd runs the tree: what it starts one day reads the new files anyway. */
export const offlineServices: ServiceManager = { async run() {} };

/** The systemd of this machine. */
export function systemdServices(command: readonly [file: string, ...args: string[]] = ['systemctl']): ServiceManager {
  const [file, ...prefix] = command;
  return {
    async run(action, signal) {
      const args = systemctlArguments(action);
      if (args) await systemctl(file, [...prefix, ...args], signal);
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

async function systemctl(file: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await spawn(file, args, { env: { LC_ALL: 'C' }, signal, timeout: timeoutMilliseconds });
  } catch (cause) {
    const output = cause instanceof SubprocessError ? cause.stderr.trim().slice(0, 1000) : String(cause);
    throw new AgentError('UNIT_FAILED', `systemctl ${args.join(' ')} failed: ${output}; look at the unit's log`, {
      cause,
    });
  }
}
