// --driver, of every command that works on a host. The names are written down here as well: @varve/agent, which has them,
// is loaded by the command that runs.
import type { DriverName } from '@varve/agent';
import { type Command, Option } from 'commander';

const drivers: readonly DriverName[] = ['ostree', 'bootc', 'rpm-ostree'];

export interface DriverFlag {
  readonly driver?: DriverName;
}

export function addDriverFlag(command: Command): Command {
  return command.addOption(
    new Option('--driver <name>', 'instead of the one that the host has tools for').choices(drivers),
  );
}
