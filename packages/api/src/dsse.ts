// Signed payloads as DSSE envelopes (https://github.com/secure-systems-lab/dsse, envelope.md and protocol.md), with
// Ed25519 keys. The signature covers the payload's type: a signed statement of one kind cannot pass for another.
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import * as z from 'zod';

/** Largest envelope that is read, in characters of JSON; an annotation's value has the same order of size. */
export const maxEnvelopeLength = 128 * 1024;
const maxSignatures = 8;

const envelopeSchema = z.object({
  payloadType: z.string().max(256),
  // Standard and URL-safe base64 are both allowed (envelope.md).
  payload: z.string().regex(/^[A-Za-z0-9+/_-]*={0,2}$/),
  signatures: z
    .array(z.object({ keyid: z.string().max(128).optional(), sig: z.string().regex(/^[A-Za-z0-9+/_-]{86}(==)?$/) }))
    .min(1)
    .max(maxSignatures),
});

/** What a signature was looked for and found to be. `problem` reads on from "the envelope". */
export type Opened = { readonly payload: Buffer; readonly keyId: string } | { readonly problem: string };

/** Signs bytes; gives the envelope as JSON text. */
export function sealEnvelope(payloadType: string, payload: Uint8Array, key: KeyObject): string {
  const signature = sign(null, preAuthenticationEncoding(payloadType, payload), key);
  return JSON.stringify({
    payloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: [{ keyid: keyIdOf(createPublicKey(key)), sig: signature.toString('base64') }],
  });
}

/** The payload, when one of `keys` signed it as `payloadType`. `keyid` is a hint and decides nothing. */
export function openEnvelope(text: string, payloadType: string, keys: readonly KeyObject[]): Opened {
  if (text.length > maxEnvelopeLength) return { problem: `has more than ${maxEnvelopeLength} characters` };
  const envelope = envelopeSchema.safeParse(parseJson(text)).data;
  if (!envelope) return { problem: 'is no DSSE envelope' };
  if (envelope.payloadType !== payloadType) return { problem: `holds ${envelope.payloadType}, not ${payloadType}` };
  const payload = Buffer.from(envelope.payload, 'base64');
  const signed = preAuthenticationEncoding(payloadType, payload);
  for (const { sig } of envelope.signatures) {
    const signer = keys.find((key) => verify(null, signed, key, Buffer.from(sig, 'base64')));
    if (signer) return { payload, keyId: keyIdOf(signer) };
  }
  const named = envelope.signatures.map(({ keyid }) => keyid?.slice(0, 16) ?? 'an unnamed key').join(', ');
  return { problem: `is signed by none of the trusted keys, but by ${named}` };
}

/** PAE of DSSE v1 (protocol.md): lengths in bytes, so that no payload can be read as the end of a type. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Hex SHA-256 of the public key as SubjectPublicKeyInfo in DER. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
