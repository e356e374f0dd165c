// Files with credentials, as podman, docker and OSTree share their form: containers-auth.json(5).
import { access, constants, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { Credentials } from '../client/authenticator.ts';
import { OciError } from '../error.ts';

const maximumFileSize = 1024 * 1024;

const entrySchema = z.object({ auth: z.string().nullish(), identitytoken: z.string().nullish() });

const authFileSchema = z.object({
  auths: z
    .record(z.string(), entrySchema)
    .nullish()
    .transform((auths) => auths ?? {}),
  credHelpers: z
    .record(z.string(), z.string())
    .nullish()
    .transform((helpers) => helpers ?? {}),
  credsStore: z.string().nullish(),
});

type Entry = z.infer<typeof entrySchema>;

export type AuthFile = z.infer<typeof authFileSchema>;

/**
 * Reads a file; undefined where there is none and none is required.
 * @throws OciError CREDENTIALS_INVALID
 */
export async function readAuthFile(path: string, required: boolean): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (!required && (isErrno(cause, 'ENOENT', 'ENOTDIR') || (await isElsewhere(path, cause)))) return undefined;
    throw invalid(path, 'cannot be read', cause);
  }
  if (text.length > maximumFileSize) throw invalid(path, 'is too large');
  return parseAuthFile(text, path);
}

/** A place that this user may not even look into is not this user's: podman run by root makes /run/containers so. */
async function isElsewhere(path: string, cause: unknown): Promise<boolean> {
  if (!isErrno(cause, 'EACCES')) return false;
  return await access(dirname(path), constants.X_OK).then(
    () => false,
    () => true,
  );
}

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}

/** @throws OciError CREDENTIALS_INVALID */
export function parseAuthFile(text: string, path: string): AuthFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: a parser's message can quote the secret.
    throw invalid(path, 'is not JSON');
  }
  const result = authFileSchema.safeParse(value);
  if (!result.success) throw invalid(path, 'does not have the shape of an auth.json');
  return result.data;
}

/**
 * What the file itself has for a repository: the entry of the longest prefix (`host/a/b/c`, `host/a/b`, `host/a`, `host`),
 * else that of the address of the host.
 * @throws OciError CREDENTIALS_INVALID
 */
export function findEntry({ auths }: AuthFile, registry: string, repository: string): Credentials | undefined {
  const parts = repository.split('/');
  const keys = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  for (const key of [...keys, registry]) {
    const entry = Object.hasOwn(auths, key) ? auths[key] : undefined;
    const credentials = entry && decodeEntry(entry, key);
    if (credentials !== undefined) return credentials;
  }
  for (const [key, entry] of Object.entries(auths)) {
    const credentials = hostOf(key) === canonicalHost(registry) ? decodeEntry(entry, key) : undefined;
    if (credentials !== undefined) return credentials;
  }
  return undefined;
}

/** The host of a key that is an address, as docker writes them; undefined for keys that name namespaces. */
function hostOf(key: string): string | undefined {
  const [, addressed] = /^https?:\/\/([^/]+)/.exec(key) ?? [];
  return addressed === undefined && key.includes('/') ? undefined : canonicalHost(addressed ?? key);
}

/** Docker Hub has three names. */
function canonicalHost(host: string): string {
  return host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host;
}

/** Undefined for an empty entry: docker leaves those where a helper has the credentials. */
function decodeEntry({ auth, identitytoken }: Entry, key: string): Credentials | undefined {
  if (identitytoken) return { identityToken: identitytoken };
  if (!auth) return undefined;
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
