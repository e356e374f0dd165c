// Proof that a signature was put into a transparency log: the log signs what it has taken up (SignedEntryTimestamp), and what
// it has taken up must be this very signature. Not comparing the two was CVE-2026-22703.
// https://github.com/sigstore/rekor/blob/main/types.md
import { createHash } from 'node:crypto';
import { json } from '@sigstore/core';
import * as z from 'zod';
import { describeIssue } from '../manifest.ts';
import { decodeBase64 } from './base64.ts';
import { pemBlocks } from './pem.ts';
import { hasSigned, type PublicKey } from './public-key.ts';
import { parseStrictJson, parseStrictJsonBytes } from './strict-json.ts';
import type { LogEntry } from './untrusted-signature.ts';

export const logPayloadSchema = z.strictObject({
  body: z.string(),
  integratedTime: z.int().min(0),
  logIndex: z.int().min(0),
  logID: z.string(),
});

/** The annotation of an attachment; cosign's RekorBundle. */
const rekorBundleSchema = z.strictObject({ SignedEntryTimestamp: z.string(), Payload: logPayloadSchema });

const sha256Schema = z.object({ algorithm: z.literal('sha256'), value: z.string() });

const hashedRekordSchema = z.object({
  kind: z.literal('hashedrekord'),
  apiVersion: z.literal('0.0.1'),
  spec: z.object({
    signature: z.object({ content: z.string(), publicKey: z.object({ content: z.string() }) }),
    data: z.object({ hash: sha256Schema }),
  }),
});

const dsseSchema = z.object({
  kind: z.literal('dsse'),
  apiVersion: z.literal('0.0.1'),
  spec: z.object({
    payloadHash: sha256Schema,
    signatures: z.array(z.object({ signature: z.string(), verifier: z.string() })).length(1),
  }),
});

/** What an entry is compared with. */
export interface LoggedSignature {
  signature: Uint8Array;
  /** What was hashed: the payload of an attachment or of an envelope. */
  payload: Uint8Array;
  /** DER. */
  keyOrCertificate: Uint8Array;
}

/** Throws Error. */
export function parseRekorBundle(text: string): LogEntry {
  const { SignedEntryTimestamp, Payload } = parse(rekorBundleSchema, parseStrictJson(text), 'the entry of the log');
  return { promise: decodeBase64(SignedEntryTimestamp, "the log's promise"), payload: Payload };
}

/** What the log has signed. Throws Error where no key of `keys` has. */
export function verifyPromise(
  { promise, payload }: LogEntry,
  keys: readonly PublicKey[],
): { body: Buffer; time: Date } {
  const signed = Buffer.from(json.canonicalize(payload));
  if (!keys.some((key) => hasSigned(key, signed, promise))) {
    throw new Error('no Rekor key of the policy has signed its entry in the transparency log');
  }
  return {
    body: decodeBase64(payload.body, 'the body of the log entry'),
    time: new Date(payload.integratedTime * 1000),
  };
}

/** Why the body of an entry is not about a signature; of an attachment or another signature over a whole content. */
export function hashedRekordProblem(body: Uint8Array, logged: LoggedSignature): string | undefined {
  const { signature, data } = parse(hashedRekordSchema, parseStrictJsonBytes(body), 'the log entry').spec;
  return problem(logged, signature.publicKey.content, signature.content, data.hash.value);
}

/** The same for an envelope. */
export function dsseEntryProblem(body: Uint8Array, logged: LoggedSignature): string | undefined {
  const { payloadHash, signatures } = parse(dsseSchema, parseStrictJsonBytes(body), 'the log entry').spec;
  return problem(logged, signatures[0]?.verifier ?? '', signatures[0]?.signature ?? '', payloadHash.value);
}

function problem(logged: LoggedSignature, key: string, signature: string, hash: string): string | undefined {
  const keys = pemBlocks(decodeBase64(key, 'the key of the log entry').toString('latin1'));
  if (keys.length !== 1 || keys[0]?.der.equals(logged.keyOrCertificate) !== true) {
    return 'its entry in the transparency log is of another key';
  }
  if (!decodeBase64(signature, 'the signature of the log entry').equals(logged.signature)) {
    return 'its entry in the transparency log is of another signature';
  }
  if (hash.toLowerCase() === createHash('sha256').update(logged.payload).digest('hex')) return undefined;
  return 'its entry in the transparency log is of another content';
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(`${what} is not of a kind that is supported: ${describeIssue(result.error)}`);
}
