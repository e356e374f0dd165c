// Private keys. They are born where they are used and never travel: a host sends a certificate request instead.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type webcrypto } from 'node:crypto';
import { KubeError } from '../error.ts';

/** ECDSA on P-256 (FIPS 186-5): what every TLS stack accepts, and cheap to make. */
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' } as const;

export const signingAlgorithm = { ...ecdsa, hash: 'SHA-256' } as const;

/** A new P-256 private key as PKCS#8 PEM (RFC 5958, RFC 7468). Write it with mode 0600. */
export function createKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: ecdsa.namedCurve });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Both halves of a key made by `createKey`, for signing. CERTIFICATE_INVALID for any other kind of key. */
export function importKey(pem: string): webcrypto.CryptoKeyPair {
  try {
    const key = createPrivateKey(pem);
    return {
      privateKey: key.toCryptoKey(ecdsa, false, ['sign']),
      publicKey: createPublicKey(key).toCryptoKey(ecdsa, true, ['verify']),
    };
  } catch (cause) {
    throw new KubeError('CERTIFICATE_INVALID', 'The private key is not an EC P-256 key in PEM; make a new one.', {
      cause,
    });
  }
}
