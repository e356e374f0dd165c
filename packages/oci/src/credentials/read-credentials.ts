// Which credentials a registry gets, as podman, skopeo, docker and OSTree keep them.
import { join } from 'node:path';
import type { CredentialLookup, Credentials } from '../client/authenticator.ts';
import { type AuthFile, findEntry, readAuthFile } from './auth-file.ts';
import { askCredentialHelper } from './credential-helper.ts';

export interface CredentialFiles {
  /** REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG and HOME are read; helpers get all of it. */
  environment: Record<string, string | undefined>;
  /** Whose files: this process's user. */
  uid?: number;
  /** Where the system's files are; `/`. */
  root?: string;
}

/**
 * Reads the credential files that exist. REGISTRY_AUTH_FILE counts alone where it is set; else, one after the other, those of
 * containers-auth.json(5), and for root those of ostree-ext (lib/src/globals.rs) after the first. In a file, a helper that
 * `credHelpers` names for the registry comes before its entries, and `credsStore` after them. Helpers are run at each lookup.
 * @throws OciError CREDENTIALS_INVALID; the lookup throws that and CREDENTIAL_HELPER_FAILED
 */
export async function readCredentials(options: CredentialFiles): Promise<CredentialLookup> {
  const { environment } = options;
  const files: AuthFile[] = [];
  const explicit = environment.REGISTRY_AUTH_FILE;
  for (const path of explicit === undefined ? defaultPaths(options) : [explicit]) {
    const file = await readAuthFile(path, path === explicit);
    if (file !== undefined) files.push(file);
  }
  return async (registry, repository, signal) => {
    for (const file of files) {
      const found = await findCredentials(file, { registry, repository, environment, signal });
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

interface Wanted {
  readonly registry: string;
  readonly repository: string;
  readonly environment: Record<string, string | undefined>;
  readonly signal: AbortSignal | undefined;
}

async function findCredentials(file: AuthFile, wanted: Wanted): Promise<Credentials | undefined> {
  const { registry, repository, environment, signal } = wanted;
  const servers = registry === 'docker.io' ? [registry, dockerHubServer] : [registry];
  const server = servers.find((key) => Object.hasOwn(file.credHelpers, key));
  const helper = server && file.credHelpers[server];
  if (server !== undefined && helper) return askCredentialHelper({ helper, server, environment, signal });
  const entry = findEntry(file, registry, repository);
  if (entry !== undefined || !file.credsStore) return entry;
  const stored = registry === 'docker.io' ? dockerHubServer : registry;
  return askCredentialHelper({ helper: file.credsStore, server: stored, environment, signal });
}

/** What `docker login` keeps the credentials of Docker Hub under. */
const dockerHubServer = 'https://index.docker.io/v1/';

function defaultPaths({ environment, uid = process.getuid?.() ?? 0, root = '/' }: CredentialFiles): string[] {
  const { HOME: home, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG } = environment;
  const runtime = XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'containers') : join(root, 'run/containers', String(uid));
  const paths = [join(runtime, 'auth.json')];
  if (uid === 0) for (const place of ['run', 'etc', 'usr/lib']) paths.push(join(root, place, 'ostree/auth.json'));
  const config = XDG_CONFIG_HOME || (home && join(home, '.config'));
  if (config) paths.push(join(config, 'containers/auth.json'));
  const docker = DOCKER_CONFIG || (home && join(home, '.docker'));
  if (docker) paths.push(join(docker, 'config.json'));
  return paths;
}
