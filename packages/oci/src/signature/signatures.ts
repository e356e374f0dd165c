// Signatures as a registry has them: fetched by whoever has a network, checked by whoever needs not believe that one. Nothing
// here is trusted; the schema only bounds how much there is.
import * as z from 'zod';

/** Of each kind; a registry that has more of them only makes its images unusable. */
export const maximumSignatures = 32;
/** Characters of one text. What signs an image has a few hundred; the rest is certificates and proofs. */
export const maximumTextSize = 128 * 1024;
/** Why others could not be read: how many reasons are kept, and characters of one. */
export const maximumReasons = 8;
export const maximumReasonSize = 300;
/** Characters of all texts together. */
const maximumTotalSize = 2 * 1024 * 1024;
const text = z.string().max(maximumTextSize);

const attachmentSchema = z.strictObject({
  /** What was signed, base64. */
  payload: text,
  /** Base64. */
  signature: text,
  /** PEM. */
  certificate: text.exactOptional(),
  /** PEM; the intermediate certificates, and the root last. */
  chain: text.exactOptional(),
  /** JSON: entry of a transparency log with the log's signed promise. */
  rekorBundle: text.exactOptional(),
});

export const imageSignaturesSchema = z
  .strictObject({
    attachments: z.array(attachmentSchema).max(maximumSignatures),
    bundles: z.array(text).max(maximumSignatures),
    damaged: z.array(z.string().max(maximumReasonSize)).max(maximumReasons).exactOptional(),
  })
  .refine(fits, `has more than ${maximumTotalSize} characters`);

/** One layer of a `.sig` manifest. */
export interface SignatureAttachment extends z.infer<typeof attachmentSchema> {}

/** All that was found for an image. Plain JSON, of a bounded size. */
export interface ImageSignatures {
  attachments: SignatureAttachment[];
  /** JSON texts of Sigstore bundles. */
  bundles: string[];
  /** Why others that the registry lists could not be read; left out where all could. */
  damaged?: string[];
}

/** Whether there is not too much of it, all in all. */
export function fits(signatures: ImageSignatures): boolean {
  return JSON.stringify(signatures).length <= maximumTotalSize;
}
