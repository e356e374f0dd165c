import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { pemBlocks } from './pem.ts';

/** A key that signatures are held to. */
export interface PublicKey {
  /** For messages. */
  name: string;
  key: KeyObject;
  /** SubjectPublicKeyInfo. */
  der: Buffer;
  /** SHA-256 of `der`, hexadecimal. */
  id: string;
}

/**
 * Digests that signers of a kind of key use. cosign takes the one that fits a curve (sigstore/sigstore,
 * pkg/signature/algorithm_registry.go), containers/image takes SHA-256 always; Ed25519 has its own.
 */
const hashesByCurve: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['sha256'],
  secp384r1: ['sha384', 'sha256'],
  secp521r1: ['sha512', 'sha256'],
};
const minimumRsaBits = 2048;

/** The first key in a PEM text, as upstream reads it. Throws Error with the reason. */
export function parsePublicKey(name: string, text: string): PublicKey {
  const block = pemBlocks(text)[0];
  if (block === undefined) throw new Error(`${name} has no public key in PEM`);
  const type = { 'PUBLIC KEY': 'spki', 'RSA PUBLIC KEY': 'pkcs1' } as const;
  if (block.label !== 'PUBLIC KEY' && block.label !== 'RSA PUBLIC KEY') {
    throw new Error(`${name} has a ${block.label.toLowerCase()} and no public key`);
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: block.der, format: 'der', type: type[block.label] });
  } catch (cause) {
    throw new Error(`${name} has no public key that can be read`, { cause });
  }
  return usableKey(name, key);
}

/** Throws Error for a kind of key that signs no images. */
export function usableKey(name: string, key: KeyObject): PublicKey {
  hashesOf(name, key);
  const der = key.export({ type: 'spki', format: 'der' });
  return { name, key, der, id: createHash('sha256').update(der).digest('hex') };
}

export function hasSigned({ name, key }: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return hashesOf(name, key).some((hash) => verify(hash, bytes, key, signature));
}

function hashesOf(name: string, key: KeyObject): readonly (string | null)[] {
  const details = key.asymmetricKeyDetails;
  const curve = details?.namedCurve ?? '';
  const hashes = Object.hasOwn(hashesByCurve, curve) ? hashesByCurve[curve] : undefined;
  if (key.asymmetricKeyType === 'ed25519') return [null];
  if (key.asymmetricKeyType === 'ec' && hashes !== undefined) return hashes;
  if (key.asymmetricKeyType === 'rsa') {
    if ((details?.modulusLength ?? 0) >= minimumRsaBits) return ['sha256'];
    throw new Error(`${name} has an RSA key of ${details?.modulusLength} bits, and ${minimumRsaBits} are the least`);
  }
  throw new Error(
    `${name} has a key of type ${key.asymmetricKeyType} ${curve}; supported are ECDSA (P-256, P-384, P-521), RSA, Ed25519`,
  );
}
