// --authfile and --cert-dir, as skopeo and buildah have them, for the registry client of our own.
// Layout of the directory: containers-certs.d(5).
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RegistryClientOptions, readCredentials } from '@varve/oci';
import type { Command } from 'commander';
import { defaultServerState } from './connect.ts';

export interface RegistryFlags {
  readonly authfile?: string;
  readonly certDir?: string;
}

export function addRegistryFlags(command: Command): Command {
  return command
    .option('--authfile <file>', 'registry credentials, containers-auth.json(5) (default: as podman)')
    .option('--cert-dir <directory>', 'ca.crt, client.cert and client.key, containers-certs.d(5)');
}

/** Flags that are not given fall back on what `varve up` wrote on this machine, for its own registry. */
export function withLocalRegistry(flags: RegistryFlags): RegistryFlags {
  if (flags.authfile !== undefined || flags.certDir !== undefined) return flags;
  const authfile = join(defaultServerState, 'registry-auth.json');
  return existsSync(authfile) ? { authfile, certDir: join(defaultServerState, 'certs.d') } : flags;
}

export async function registryOptions(flags: RegistryFlags): Promise<RegistryClientOptions> {
  const { authfile, certDir } = withLocalRegistry(flags);
  const environment = authfile === undefined ? process.env : { REGISTRY_AUTH_FILE: authfile };
  const options: RegistryClientOptions = { credentials: await readCredentials({ environment }) };
  if (certDir === undefined) return options;
  const ca = await readPem(join(certDir, 'ca.crt'));
  const cert = await readPem(join(certDir, 'client.cert'));
  const key = await readPem(join(certDir, 'client.key'));
  if (ca !== undefined) options.ca = ca;
  if (cert !== undefined && key !== undefined) Object.assign(options, { cert, key });
  return options;
}

async function readPem(path: string): Promise<string | undefined> {
  return existsSync(path) ? await readFile(path, 'utf8') : undefined;
}
