import type { Digest } from '../digest.ts';
import type { ImageReference } from '../reference.ts';
import type { SignaturePolicy } from './policy.ts';
import type { ImageSignatures } from './signatures.ts';

export interface VerifySignaturesOptions {
  policy: SignaturePolicy;
  /** What the user named: scope and identity go by it, not by the mirror that gave the image. */
  reference: ImageReference;
  /** Of the image itself, which the caller has computed from its bytes. */
  manifestDigest: Digest;
  /** Of the index in whose bytes the caller has found the image, where there is one: its signature counts, too. */
  indexDigest?: Digest;
  signatures: ImageSignatures;
  /** For certificates of the kind `pki`; now. */
  now?: Date;
}
