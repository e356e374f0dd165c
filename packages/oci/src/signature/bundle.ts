// A signature as cosign 3 writes it: a Sigstore bundle that holds an in-toto statement in an envelope. It names digests and
// nothing else: whoever holds it cannot tell as what the image was signed.
// https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto,
// https://github.com/secure-systems-lab/dsse/blob/v1.0.2/{envelope,protocol}.md,
// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
import { dsse } from '@sigstore/core';
import * as z from 'zod';
import { describeIssue } from '../manifest.ts';
import { decodeBase64 } from './base64.ts';
import { dsseEntryProblem } from './rekor.ts';
import { parseStrictJson, parseStrictJsonBytes } from './strict-json.ts';
import type { Claim, LogEntry, UntrustedCertificates, UntrustedSignature } from './untrusted-signature.ts';

/** The two spellings of the versions that are known; a newer one may mean something else. */
export const bundleMediaTypes: readonly string[] = [
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
];
const payloadType = 'application/vnd.in-toto+json';
/** Without looking at it, a signed list of packages (SBOM) of an image would count as the signer's word for it. */
export const signaturePredicateType = 'https://sigstore.dev/cosign/sign/v1';

/** ProtoJSON writes 64-bit numbers as strings. */
const integer = z.union([
  z.int().min(0),
  z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number),
]);
const rawBytes = z.object({ rawBytes: z.string() });

const entrySchema = z.object({
  logIndex: integer.default(0),
  logId: z.object({ keyId: z.string() }),
  integratedTime: integer.default(0),
  inclusionPromise: z.object({ signedEntryTimestamp: z.string() }).nullish(),
  canonicalizedBody: z.string(),
});

const bundleSchema = z.object({
  mediaType: z.string().refine((type) => bundleMediaTypes.includes(type), 'is not that of a bundle 0.1, 0.2 or 0.3'),
  verificationMaterial: z.object({
    publicKey: z.object({}).exactOptional(),
    certificate: rawBytes.exactOptional(),
    x509CertificateChain: z.object({ certificates: z.array(rawBytes).min(1).max(16) }).exactOptional(),
    tlogEntries: z.array(entrySchema).max(16).default([]),
  }),
  dsseEnvelope: z.object({
    payload: z.string(),
    payloadType: z.literal(payloadType),
    signatures: z.array(z.object({ sig: z.string() })).length(1),
  }),
  messageSignature: z.undefined('is there beside an envelope').optional(),
});
type Bundle = z.infer<typeof bundleSchema>;

const statementSchema = z.object({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z
    .array(z.object({ digest: z.record(z.string(), z.string()) }))
    .min(1)
    .max(256),
  predicateType: z.literal(signaturePredicateType),
});

/** Throws Error for what is no bundle that could sign an image. */
export function openBundle(text: string): UntrustedSignature {
  const result = bundleSchema.safeParse(parseStrictJson(text));
  if (!result.success) throw new Error(`it is no bundle that signs an image: ${describeIssue(result.error)}`);
  checkMaterial(result.data);
  const { dsseEnvelope: envelope, verificationMaterial: material } = result.data;
  const payload = decodeBase64(envelope.payload, 'the payload of its envelope');
  const signature = decodeBase64(envelope.signatures[0]?.sig ?? '', 'the signature of its envelope');
  return {
    kind: 'bundle',
    signedBytes: dsse.preAuthEncoding(envelope.payloadType, payload),
    signature,
    readCertificates: () => readCertificates(material),
    readLogEntry: () => readLogEntry(material),
    logBodyProblem: (body, keyOrCertificate) => dsseEntryProblem(body, { signature, payload, keyOrCertificate }),
    readClaim: () => readClaim(payload),
  };
}

function checkMaterial({ mediaType, verificationMaterial: material }: Bundle): void {
  const kinds = [material.publicKey, material.certificate, material.x509CertificateChain];
  if (kinds.filter((kind) => kind !== undefined).length !== 1) {
    throw new Error('it has not exactly one of a public key, a certificate and a chain of certificates');
  }
  if (material.x509CertificateChain !== undefined && mediaType.includes('0.3')) {
    throw new Error('it has a chain of certificates, which bundles of version 0.3 do not have');
  }
}

function readCertificates({
  certificate,
  x509CertificateChain,
}: Bundle['verificationMaterial']): UntrustedCertificates {
  const all = certificate === undefined ? (x509CertificateChain?.certificates ?? []) : [certificate];
  const [leaf, ...intermediates] = all.map((one) => decodeBase64(one.rawBytes, 'its certificate'));
  if (leaf === undefined) throw new Error('it has no certificate');
  return { leaf, intermediates };
}

/** Entries without a promise prove their time to those who have the whole log, or a time stamp: they are left out. */
function readLogEntry({ tlogEntries }: Bundle['verificationMaterial']): LogEntry {
  for (const entry of tlogEntries) {
    const promise = entry.inclusionPromise?.signedEntryTimestamp;
    if (promise === undefined) continue;
    return {
      promise: decodeBase64(promise, "the log's promise"),
      payload: {
        body: entry.canonicalizedBody,
        integratedTime: entry.integratedTime,
        logIndex: entry.logIndex,
        logID: decodeBase64(entry.logId.keyId, 'the id of the log').toString('hex'),
      },
    };
  }
  throw new Error('it has no entry of a transparency log with a signed promise (SignedEntryTimestamp)');
}

function readClaim(payload: Uint8Array): Claim {
  const result = statementSchema.safeParse(parseStrictJsonBytes(payload));
  if (!result.success) throw new Error(`what was signed is no image signature: ${describeIssue(result.error)}`);
  const digests: string[] = [];
  for (const { digest } of result.data.subject) {
    if (digest.sha256 !== undefined) digests.push(`sha256:${digest.sha256}`);
  }
  return { digests };
}
