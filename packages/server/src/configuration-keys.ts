// The key that signs what hosts run, in one file of the state directory that only its owner reads. A rotation replaces
// the file; a server that runs takes it up by itself.
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { createSigningKeys, followKeys, rotateSigningKeys, type SigningKeys } from '@varve/api';
import * as z from 'zod';
import { ServerError } from './error.ts';
import { readText, type StateDirectory, writeFileAtomically } from './state-directory.ts';

const fileSchema = z.object({ privateKey: z.string(), chain: z.array(z.string()).min(1) });

/** The keys of a running server. */
export class ConfigurationKeyFile implements Disposable {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<() => void>();
  readonly #watcher: FSWatcher;
  #current: SigningKeys;

  private constructor(path: string, current: SigningKeys, onError: (error: unknown) => void) {
    this.#path = path;
    this.#current = current;
    this.#onError = onError;
    // The directory: a replaced file is another one.
    this.#watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(path)) void this.#reload();
    });
    this.#watcher.on('error', onError);
  }

  /** Makes the first key where there is none. `onError` is told of a file that cannot be taken up; the old key stays. */
  static async open(state: StateDirectory, onError: (error: unknown) => void): Promise<ConfigurationKeyFile> {
    const path = pathIn(state.path);
    const found = await readKeys(path);
    const keys = found ?? createSigningKeys();
    if (!found) await writeKeys(path, keys);
    return new ConfigurationKeyFile(path, keys, onError);
  }

  current(): SigningKeys {
    return this.#current;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }

  async #reload(): Promise<void> {
    try {
      const keys = await readKeys(this.#path);
      if (!keys || keys.privateKey === this.#current.privateKey) return;
      this.#current = keys;
      for (const listener of this.#listeners) listener();
    } catch (error) {
      this.#onError(error);
    }
  }
}

export interface RotatedKeys {
  /** Version of the set that hosts will hold. */
  readonly version: number;
  /** How many keys it has. */
  readonly keys: number;
}

/**
 * Makes a new configuration key in the state directory of a control plane that has run before. The key before it stays
 * trusted until the next rotation, or with `revoke` no longer.
 * @throws ServerError STATE_UNREADABLE when there is no key to rotate
 */
export async function rotateConfigurationKey(
  stateDirectory: string,
  options: { readonly revoke: boolean },
): Promise<RotatedKeys> {
  const path = pathIn(resolve(stateDirectory));
  const present = await readKeys(path);
  if (!present) {
    throw new ServerError('STATE_UNREADABLE', `${path} is not there; start \`varve up\` with this --state once`);
  }
  const { keys, rotated } = nextSigningKeys(present, options, path);
  await writeKeys(path, keys);
  return rotated;
}

function pathIn(stateDirectory: string): string {
  return join(stateDirectory, 'pki', 'configuration-keys.json');
}

async function readKeys(path: string): Promise<SigningKeys | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseSigningKeys(text, path);
}

async function writeKeys(path: string, keys: SigningKeys): Promise<void> {
  await writeFileAtomically(path, formatSigningKeys(keys), 0o600);
}

export function formatSigningKeys(keys: SigningKeys): string {
  return `${JSON.stringify(keys, undefined, 2)}\n`;
}

/** @throws ServerError STATE_UNREADABLE, which says that it is about `where` */
export function parseSigningKeys(text: string, where: string): SigningKeys {
  const keys = fileSchema.safeParse(parseJson(text)).data;
  if (!keys) throw unreadable(where, 'it holds no key');
  const newest = followKeys(keys.chain, undefined);
  if ('problem' in newest) throw unreadable(where, newest.problem);
  return keys;
}

/** The next key, and what is said of it. @throws as `parseSigningKeys` */
export function nextSigningKeys(
  present: SigningKeys,
  options: { readonly revoke: boolean },
  where: string,
): { readonly keys: SigningKeys; readonly rotated: RotatedKeys } {
  const keys = rotateSigningKeys(present, options);
  const newest = followKeys(keys.chain, undefined);
  if ('problem' in newest) throw unreadable(where, newest.problem);
  return { keys, rotated: { version: newest.keys.version, keys: newest.keys.keys.length } };
}

function unreadable(where: string, reason: string): ServerError {
  return new ServerError(
    'STATE_UNREADABLE',
    `${where} cannot be used: ${reason}; put it back from a backup: hosts trust no other key`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
