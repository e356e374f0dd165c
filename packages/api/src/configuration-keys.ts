// The keys that say what hosts run. Hosts pin the set of public keys when they join; a later set replaces it only when
// a key of the set before has signed it, so that the sets form a chain that each host walks from where it stands
// (the idea of TUF's root rotation: The Update Framework specification, section 5.3).
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { maxEnvelopeLength, openEnvelope, sealEnvelope } from './dsse.ts';

const payloadType = 'application/vnd.varve.configuration-keys.v1+json';
const maxKeys = 8;
/** Where the control plane publishes the chain; everyone who has a credential may read it. */
export const configurationKeysName = { namespace: 'kube-public', name: 'varve-configuration-keys' } as const;
/** Key of the ConfigMap's data: a JSON array of envelopes, the oldest first. */
export const configurationKeysEntry = 'statements.json';
/** A rotation a month for eighty years. */
const maxStatements = 1000;

export interface ConfigurationKeys {
  /** Grows by one with each set. */
  readonly version: number;
  /** Ed25519 public keys, SubjectPublicKeyInfo in PEM. */
  readonly keys: readonly string[];
}

export const configurationKeysSchema = z.object({
  version: z.int().min(1),
  keys: z.array(z.string().max(1024).refine(isEd25519)).min(1).max(maxKeys),
});

/** What the control plane keeps: the key that signs, and the published chain, whose newest set holds its public half. */
export interface SigningKeys {
  /** Ed25519, PKCS #8 in PEM. */
  readonly privateKey: string;
  readonly chain: readonly string[];
}

/** The first key of a control plane. */
export function createSigningKeys(): SigningKeys {
  const privateKey = createPrivateKey(createConfigurationKey());
  const keys = { version: 1, keys: [publicHalf(privateKey)] };
  return { privateKey: pem(privateKey), chain: [signKeys(keys, privateKey)] };
}

/**
 * The next key. The one that signed until now stays trusted until the rotation after this one, so that hosts keep what
 * they were told last; `revoke` takes every other key out at once, for a key that has leaked.
 * @throws when the chain does not belong to the key
 */
export function rotateSigningKeys(present: SigningKeys, { revoke = false } = {}): SigningKeys {
  const old = createPrivateKey(present.privateKey);
  const held = followKeys(present.chain, undefined);
  if ('problem' in held) throw new Error(held.problem);
  const next = createPrivateKey(createConfigurationKey());
  const kept = revoke ? [] : [publicHalf(old)];
  const keys = { version: held.keys.version + 1, keys: [...kept, publicHalf(next)] };
  return { privateKey: pem(next), chain: [...present.chain, signKeys(keys, old)] };
}

/** A new key pair's private half: PKCS #8 in PEM. */
export function createConfigurationKey(): string {
  return pem(generateKeyPairSync('ed25519').privateKey);
}

/** The public half of a private key, as it stands in a set. */
export function publicHalf(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}

/** The set's text for the chain, signed by a key of the set before it (the first: by one of its own). */
export function signKeys({ version, keys }: ConfigurationKeys, signer: KeyObject): string {
  return sealEnvelope(payloadType, Buffer.from(canonicalJson({ version, keys })), signer);
}

/** The chain as it is published. What is no chain is an empty one. */
export function parseKeyChain(text: string): string[] {
  try {
    return z.array(z.string()).max(maxStatements).parse(JSON.parse(text));
  } catch {
    return [];
  }
}

export type KeyAdvance = { readonly keys: ConfigurationKeys } | { readonly problem: string };

/**
 * The newest set that can be reached from `held`, step by step. Without `held` the first set of the chain is taken as
 * it is, if one of its own keys has signed it: only for whoever knows by other means that the chain is the right one.
 * Sets up to the held one are skipped; one that does not follow from it is a problem, and nothing is taken.
 */
export function followKeys(chain: readonly string[], held: ConfigurationKeys | undefined): KeyAdvance {
  let current = held;
  for (const envelope of chain) {
    const claimed = readUnverified(envelope);
    if (!claimed) return { problem: 'a key statement holds no set of Ed25519 keys' };
    if (current && claimed.version <= current.version) continue;
    if (current && claimed.version !== current.version + 1) {
      return { problem: `key set ${claimed.version} does not follow ${current.version}` };
    }
    const opened = openEnvelope(envelope, payloadType, keyObjects(current ?? claimed));
    if ('problem' in opened) return { problem: `the statement of key set ${claimed.version} ${opened.problem}` };
    current = claimed;
  }
  return current ? { keys: current } : { problem: 'there is no key statement' };
}

/** Public keys of a set. */
export function keyObjects({ keys }: ConfigurationKeys): KeyObject[] {
  return keys.map((key) => createPublicKey(key));
}

/** What a statement says of itself; its signature is looked at before that counts. */
function readUnverified(envelope: string): ConfigurationKeys | undefined {
  if (envelope.length > maxEnvelopeLength) return undefined;
  try {
    const { payload } = z.object({ payload: z.string() }).parse(JSON.parse(envelope));
    return configurationKeysSchema.parse(JSON.parse(Buffer.from(payload, 'base64').toString('utf8')));
  } catch {
    return undefined;
  }
}

function pem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function isEd25519(text: string): boolean {
  // Without this a private key would do: its public half can be computed.
  if (!text.startsWith('-----BEGIN PUBLIC KEY-----')) return false;
  try {
    return createPublicKey(text).asymmetricKeyType === 'ed25519';
  } catch {
    return false;
  }
}
