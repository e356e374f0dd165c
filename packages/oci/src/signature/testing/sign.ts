// For tests: signatures as cosign and skopeo make them, and as they do not.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { dsse, json } from '@sigstore/core';
import type { Digest } from '../../digest.ts';
import type { ImageSignatures, SignatureAttachment } from '../signatures.ts';

export interface TestKey {
  privateKey: KeyObject;
  /** PEM. */
  publicPem: string;
  hash: string | null;
}

const hashes: Record<string, string> = { 'P-384': 'sha384', 'P-521': 'sha512' };

export function makeKey(kind: 'P-256' | 'P-384' | 'P-521' | 'rsa' | 'ed25519' = 'P-256'): TestKey {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : kind === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: kind });
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey, publicPem, hash: kind === 'ed25519' ? null : (hashes[kind] ?? 'sha256') };
}

export function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('base64');
}

export function signBytes(key: TestKey, bytes: Uint8Array): string {
  return base64(sign(key.hash, bytes, key.privateKey));
}

export function simpleSigning(digest: string, reference: string): Record<string, unknown> {
  return {
    critical: {
      identity: { 'docker-reference': reference },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null,
  };
}

/** `payload` may be text, to be signed as it is. */
export function attach(key: TestKey, payload: unknown): SignatureAttachment {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return { payload: base64(bytes), signature: signBytes(key, bytes) };
}

export function statement(digest: Digest): Record<string, unknown> {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
}

export interface TestBundle {
  mediaType: string;
  verificationMaterial: Record<string, unknown>;
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
  [more: string]: unknown;
}

export function bundle(key: TestKey, content: unknown, payloadType = 'application/vnd.in-toto+json'): TestBundle {
  const payload = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  const sig = signBytes(key, dsse.preAuthEncoding(payloadType, payload));
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'x' } },
    dsseEnvelope: { payload: base64(payload), payloadType, signatures: [{ sig }] },
  };
}

/** What a log says of a signature: the annotation of an attachment. `pem` is of the key or the certificate. */
export function logAttachment(
  log: TestKey,
  attachment: SignatureAttachment,
  pem: string,
  integratedTime = 1_760_000_000,
): string {
  const entry = {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: sha256(Buffer.from(attachment.payload, 'base64')) } },
      signature: { content: attachment.signature, publicKey: { content: base64(pem) } },
    },
  };
  const payload = { body: base64(JSON.stringify(entry)), integratedTime, logIndex: 5, logID: 'c0ffee' };
  return JSON.stringify({
    SignedEntryTimestamp: signBytes(log, Buffer.from(json.canonicalize(payload))),
    Payload: payload,
  });
}

/** A log's entry of a bundle's envelope, for `verificationMaterial.tlogEntries`. */
export function logBundle(log: TestKey, { dsseEnvelope }: TestBundle, pem: string): Record<string, unknown> {
  const entry = {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      payloadHash: { algorithm: 'sha256', value: sha256(Buffer.from(dsseEnvelope.payload, 'base64')) },
      signatures: [{ signature: dsseEnvelope.signatures[0]?.sig, verifier: base64(pem) }],
    },
  };
  const payload = { body: base64(JSON.stringify(entry)), integratedTime: 1_760_000_000, logIndex: 7, logID: 'c0ffee' };
  return {
    logIndex: '7',
    logId: { keyId: base64(Buffer.from('c0ffee', 'hex')) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: '1760000000',
    inclusionPromise: { signedEntryTimestamp: signBytes(log, Buffer.from(json.canonicalize(payload))) },
    canonicalizedBody: payload.body,
  };
}

export function attachments(...all: SignatureAttachment[]): ImageSignatures {
  return { attachments: all, bundles: [] };
}

export function bundles(...all: unknown[]): ImageSignatures {
  return { attachments: [], bundles: all.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
