// Checks of a booted host run as units of their own: outside of the sandbox of whoever asks, with the host's network,
// and with nothing left behind when their time is over, sessions and daemons of their own included.
import { randomUUID } from 'node:crypto';
import type { CheckCommand } from './run-check.ts';

export const checkUnitPrefix = 'varve-check-';

/** How to reach the systemd of the host. */
export interface SystemdCommands {
  readonly run: readonly [file: string, ...args: string[]];
  readonly control: readonly [file: string, ...args: string[]];
}

export const hostSystemd: SystemdCommands = { run: ['systemd-run'], control: ['systemctl'] };

/** The command in a transient unit (systemd-run(1)); it also ends by itself, `timeout` milliseconds after its start. */
export function inUnit(
  command: CheckCommand,
  timeout: number,
  { run, control }: SystemdCommands,
  description = 'Health check',
): CheckCommand {
  const unit = `${checkUnitPrefix}${randomUUID()}.service`;
  const properties = [
    `RuntimeMaxSec=${Math.ceil(timeout / 1000) + 5}`,
    'TimeoutStopSec=5',
    `Description=${description}`,
  ];
  const options = ['--quiet', '--wait', '--pipe', '--collect', `--unit=${unit}`, '--setenv=LANG=C.UTF-8'];
  const [file, ...prefix] = run;
  const [controlFile, ...controlPrefix] = control;
  return {
    command: file,
    arguments: [
      ...prefix,
      ...options,
      ...properties.map((property) => `--property=${property}`),
      ...['--', command.command, ...command.arguments],
    ],
    stop: { command: controlFile, arguments: [...controlPrefix, 'kill', '--signal=SIGKILL', '--', unit] },
  };
}
