// A signature as cosign 1 and 2, skopeo and podman write it: a JSON text that names image and digest, signed as it is.
// https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md and
// https://github.com/containers/container-libs/blob/main/image/signature/internal/sigstore_payload.go
import * as z from 'zod';
import { describeIssue } from '../manifest.ts';
import { decodeBase64 } from './base64.ts';
import { pemBlocks } from './pem.ts';
import { hashedRekordProblem, parseRekorBundle } from './rekor.ts';
import type { SignatureAttachment } from './signatures.ts';
import { parseStrictJsonBytes } from './strict-json.ts';
import type { Claim, UntrustedCertificates, UntrustedSignature } from './untrusted-signature.ts';

/** Nothing else may be there: it could be what another reader goes by. */
const payloadSchema = z.strictObject({
  critical: z.strictObject({
    type: z.literal('cosign container image signature'),
    image: z.strictObject({ 'docker-manifest-digest': z.string() }),
    identity: z.strictObject({ 'docker-reference': z.string() }),
  }),
  optional: z.union([
    z.null(),
    z.looseObject({ creator: z.string().exactOptional(), timestamp: z.int().exactOptional() }),
  ]),
});

/** Throws Error for what is no attachment. */
export function openAttachment(attachment: SignatureAttachment): UntrustedSignature {
  const payload = decodeBase64(attachment.payload, 'its payload');
  const signature = decodeBase64(attachment.signature, 'its signature');
  return {
    kind: 'attachment',
    signedBytes: payload,
    signature,
    readCertificates: () => readCertificates(attachment),
    readLogEntry: () => parseRekorBundle(attachment.rekorBundle ?? missing('no entry in a transparency log')),
    logBodyProblem: (body, keyOrCertificate) => hashedRekordProblem(body, { signature, payload, keyOrCertificate }),
    readClaim: () => readClaim(payload),
  };
}

function readCertificates({ certificate, chain = '' }: SignatureAttachment): UntrustedCertificates {
  const [leaf, ...others] = certificatesIn(certificate ?? missing('no certificate'));
  if (leaf === undefined || others.length > 0) throw new Error('it has not exactly one certificate of the signer');
  // The last one is the root, which only the policy may name.
  return { leaf, intermediates: certificatesIn(chain).slice(0, -1) };
}

export function certificatesIn(text: string): Buffer<ArrayBuffer>[] {
  return pemBlocks(text)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => der);
}

function readClaim(payload: Uint8Array): Claim {
  const result = payloadSchema.safeParse(parseStrictJsonBytes(payload));
  if (!result.success) throw new Error(`what was signed is no image signature: ${describeIssue(result.error)}`);
  const { image, identity } = result.data.critical;
  return { digests: [image['docker-manifest-digest']], reference: identity['docker-reference'] };
}

function missing(what: string): never {
  throw new Error(`it has ${what}`);
}
