// The key that signs what hosts run, in a Secret that only the controllers read. A rotation changes the Secret; the
// controllers that lead take it up by themselves.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  configMapResource,
  configurationKeysEntry,
  configurationKeysName,
  createSigningKeys,
  parseKeyChain,
  type Secret,
  type SigningKeys,
  secretResource,
} from '@varve/api';
import type { SigningKeySource } from '@varve/controllers';
import { Informer, isKubeError, type KubeClient } from '@varve/kube';
import { formatSigningKeys, nextSigningKeys, parseSigningKeys, type RotatedKeys } from '../configuration-keys.ts';
import { ServerError } from '../error.ts';

/** Key of the Secret's data. */
const entry = 'configuration-keys.json';
/** Milliseconds between two tries to put the Secret back. */
const maxRestoreWait = 30_000;

export interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

interface Options {
  readonly client: KubeClient;
  readonly secret: SecretName;
  /** Told of a Secret that cannot be taken up; the old key stays. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** The keys of running controllers. */
export class ConfigurationKeySecret implements SigningKeySource {
  readonly #options: Options;
  readonly #listeners = new Set<() => void>();
  #current: SigningKeys;

  private constructor(options: Options, current: SigningKeys) {
    this.#options = options;
    this.#current = current;
  }

  /**
   * Makes the first key where there is none, and follows the Secret until the abort.
   * @throws ServerError STATE_UNREADABLE when the Secret is damaged, or is gone while hosts hold keys
   */
  static async open(options: Options): Promise<ConfigurationKeySecret> {
    const keys = (await readKeys(options)) ?? (await makeFirst(options));
    const source = new ConfigurationKeySecret(options, keys);
    await source.#follow();
    return source;
  }

  current(): SigningKeys {
    return this.#current;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async #follow(): Promise<void> {
    const { client, secret, onError, signal } = this.#options;
    const only = { namespace: secret.namespace, fieldSelector: `metadata.name=${secret.name}` };
    const informer = new Informer(client, secretResource, { ...only, onError });
    informer.onChange(({ type, object }) => {
      if (type === 'deleted') void this.#restore();
      else this.#take(object);
    });
    void informer.start(signal);
    await informer.synced();
  }

  #take(object: Secret): void {
    const { secret, onError } = this.#options;
    try {
      const keys = keysOf(object, secret);
      if (keys.privateKey === this.#current.privateKey) return;
      this.#current = keys;
      for (const listener of this.#listeners) listener();
    } catch (error) {
      onError(error);
    }
  }

  /** Hosts trust no other key: while somebody still has it, it is put back, however long that takes. */
  async #restore(): Promise<void> {
    const { secret, onError, signal } = this.#options;
    for (let wait = 250; !signal.aborted; wait = Math.min(2 * wait, maxRestoreWait)) {
      try {
        await create(this.#options, this.#current);
        onError(new ServerError('STATE_UNREADABLE', `${describe(secret)} was deleted, and was put back`));
        return;
      } catch (error) {
        if (signal.aborted || isKubeError(error, 'ALREADY_EXISTS')) return;
        onError(error);
      }
      // Rejects with the abort only, which ends the loop.
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }
}

/**
 * Makes a new configuration key for controllers on a cluster. See `rotateConfigurationKey`.
 * @throws ServerError STATE_UNREADABLE when there is no key to rotate; KubeError CONFLICT when somebody else rotates too
 */
export async function rotateConfigurationKeySecret(
  client: KubeClient,
  secret: SecretName,
  { revoke, signal }: { readonly revoke: boolean; readonly signal: AbortSignal },
): Promise<RotatedKeys> {
  const object = await read(client, secret, signal);
  if (!object) {
    throw new ServerError('STATE_UNREADABLE', `${describe(secret)} is not there; start \`varve controller\` once`);
  }
  const { keys, rotated } = nextSigningKeys(keysOf(object, secret), { revoke }, describe(secret));
  const data = { ...object.data, [entry]: Buffer.from(formatSigningKeys(keys)).toString('base64') };
  await client.update(secretResource, { ...object, data }, { signal });
  return rotated;
}

async function readKeys({ client, secret, signal }: Options): Promise<SigningKeys | undefined> {
  const object = await read(client, secret, signal);
  return object && keysOf(object, secret);
}

async function makeFirst(options: Options): Promise<SigningKeys> {
  if (await arePublished(options)) {
    throw new ServerError(
      'STATE_UNREADABLE',
      `${describe(options.secret)} is gone, and hosts trust no other key; put it back from a backup`,
    );
  }
  const keys = createSigningKeys();
  try {
    await create(options, keys);
    return keys;
  } catch (error) {
    if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
    const others = await readKeys(options);
    if (!others) throw error;
    return others;
  }
}

/** Whether hosts may hold keys already. */
async function arePublished({ client, signal }: Options): Promise<boolean> {
  const { namespace, name } = configurationKeysName;
  try {
    const { data } = await client.get(configMapResource, name, { namespace, signal });
    return parseKeyChain(data?.[configurationKeysEntry] ?? '').length > 0;
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

async function create({ client, secret, signal }: Options, keys: SigningKeys): Promise<void> {
  const data = { [entry]: Buffer.from(formatSigningKeys(keys)).toString('base64') };
  const object: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { ...secret }, type: 'Opaque', data };
  await client.create(secretResource, object, { namespace: secret.namespace, signal });
}

async function read(client: KubeClient, { namespace, name }: SecretName, signal: AbortSignal) {
  try {
    return await client.get(secretResource, name, { namespace, signal });
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

function keysOf({ data }: Secret, secret: SecretName): SigningKeys {
  return parseSigningKeys(Buffer.from(data?.[entry] ?? '', 'base64').toString('utf8'), describe(secret));
}

function describe({ namespace, name }: SecretName): string {
  return `Secret ${namespace}/${name}`;
}
