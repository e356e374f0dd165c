// Why an image was accepted: for logs and for people who ask.
import type { Digest } from '../digest.ts';

export interface Acceptance {
  /** The scope of the policy that held: '' for all registries; undefined for the policy's default. */
  scope?: string;
  /** False where the policy accepts the image without any signature. */
  isSigned: boolean;
  /** What satisfied each requirement that asks for a signature. */
  signatures: AcceptedSignature[];
}

export interface AcceptedSignature {
  kind: 'attachment' | 'bundle';
  /** What was signed: the manifest, or the index that holds it. */
  digest: Digest;
  /** The key (its file or field in the policy), or the subject of the certificate. */
  signer: string;
  /** SHA-256 of the key's DER form (SubjectPublicKeyInfo), hexadecimal. */
  keyId: string;
  /** The reference in the signature; a bundle has none. */
  signedReference?: string;
  /** When a transparency log has taken the signature up: ISO 8601. Only where the policy asks for that. */
  loggedAt?: string;
}
