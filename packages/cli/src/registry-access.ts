// --authfile and --cert-dir, as skopeo and buildah have them, for the registry client of our own.
// Layout of the directory: containers-certs.d(5).
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination } from '@varve/build';
import { type ImageRegistryOptions, parseImageReference, readCredentials, readRegistriesConf } from '@varve/oci';
import { defaultServerState } from './defaults.ts';
import type { RegistryFlags } from './registry-flags.ts';

/** Flags that are not given fall back on what `varve up` wrote on this machine, for its own registry. */
function withLocalRegistry(flags: RegistryFlags): RegistryFlags {
  if (flags.authfile !== undefined || flags.certDir !== undefined) return flags;
  const authfile = join(defaultServerState, 'registry-auth.json');
  return existsSync(authfile) ? { authfile, certDir: join(defaultServerState, 'certs.d') } : flags;
}

export async function registryOptions(flags: RegistryFlags): Promise<ImageRegistryOptions> {
  const { authfile, certDir } = withLocalRegistry(flags);
  const environment = authfile === undefined ? process.env : { REGISTRY_AUTH_FILE: authfile };
  const options: ImageRegistryOptions = {
    credentials: await readCredentials({ environment }),
    registries: await readRegistriesConf({ environment: process.env }),
  };
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

/** Where an image is pushed to. */
export function destinationOf(text: string, flags: RegistryFlags): Destination {
  const { authfile, certDir } = withLocalRegistry(flags);
  return { reference: parseImageReference(text), authFile: authfile, certDirectory: certDir };
}
