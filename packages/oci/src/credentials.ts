// Credentials as podman, skopeo and docker store them:
// https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { CredentialLookup, Credentials } from './client/authenticator.ts';
import { OciError } from './error.ts';

const maximumFileSize = 1024 * 1024;

const authFileSchema = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().nullish() }))
    .nullish()
    .transform((auths) => auths ?? {}),
});

type Auths = z.infer<typeof authFileSchema>['auths'];

export interface CredentialFiles {
  /** REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR and HOME are read. */
  environment: Record<string, string | undefined>;
}

/**
 * Reads the credential files that exist, most specific first: REGISTRY_AUTH_FILE alone if it is set, else
 * `$XDG_RUNTIME_DIR/containers/auth.json`, `/etc/ostree/auth.json`, `~/.config/containers/auth.json`, `~/.docker/config.json`.
 * Credential helpers are not run.
 * @throws OciError CREDENTIALS_INVALID
 */
export async function readCredentials({ environment }: CredentialFiles): Promise<CredentialLookup> {
  const files: Auths[] = [];
  const explicit = environment.REGISTRY_AUTH_FILE;
  for (const path of explicit === undefined ? defaultPaths(environment) : [explicit]) {
    const auths = await readAuths(path, path === explicit);
    if (auths !== undefined) files.push(auths);
  }
  return (registry, repository) => {
    for (const auths of files) {
      const found = findCredentials(auths, registry, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** The entry of the longest prefix: `host/a/b/c`, `host/a/b`, `host/a`, `host`; then the older forms of a host's key. */
export function findCredentials(auths: Auths, registry: string, repository: string): Credentials | undefined {
  const parts = repository.split('/');
  const keys = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  keys.push(registry, `https://${registry}`, `https://${registry}/v1/`, `https://${registry}/v2/`);
  if (registry === 'docker.io') keys.push('https://index.docker.io/v1/', 'index.docker.io');
  for (const key of keys) {
    const auth = Object.hasOwn(auths, key) ? auths[key]?.auth : undefined;
    if (auth) return decodeAuth(auth, key);
  }
  return undefined;
}

function defaultPaths(environment: Record<string, string | undefined>): string[] {
  const runtime = environment.XDG_RUNTIME_DIR;
  const home = environment.HOME;
  return [
    ...(runtime === undefined ? [] : [join(runtime, 'containers/auth.json')]),
    '/etc/ostree/auth.json',
    ...(home === undefined ? [] : [join(home, '.config/containers/auth.json'), join(home, '.docker/config.json')]),
  ];
}

async function readAuths(path: string, required: boolean): Promise<Auths | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (!required && cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined;
    throw invalid(path, 'cannot be read', cause);
  }
  if (text.length > maximumFileSize) throw invalid(path, 'is too large');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: a parser's message can quote the secret.
    throw invalid(path, 'is not JSON');
  }
  const result = authFileSchema.safeParse(value);
  if (!result.success) throw invalid(path, 'does not have the shape of an auth.json');
  return result.data.auths;
}

function decodeAuth(auth: string, key: string): Credentials {
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 0) throw invalid(`the entry ${key}`, 'is not base64 of username:password');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function invalid(what: string, why: string, cause?: unknown): OciError {
  return new OciError(
    'CREDENTIALS_INVALID',
    `${what} ${why}; write the credentials again with podman login or skopeo login`,
    { cause },
  );
}
