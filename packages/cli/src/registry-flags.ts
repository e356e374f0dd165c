// --authfile and --cert-dir: the flags alone, for commands to declare.
import type { Command } from 'commander';

export interface RegistryFlags {
  readonly authfile?: string;
  readonly certDir?: string;
}

export function addRegistryFlags(command: Command): Command {
  return command
    .option('--authfile <file>', 'registry credentials, containers-auth.json(5) (default: as podman)')
    .option('--cert-dir <directory>', 'ca.crt, client.cert and client.key, containers-certs.d(5)');
}
