// For tests: one image, one key, and what a policy says of their signatures.
import { digestOf } from '../../digest.ts';
import { OciError } from '../../error.ts';
import { parseImageReference } from '../../reference.ts';
import type { Acceptance } from '../acceptance.ts';
import { parseSignaturePolicy } from '../parse-policy.ts';
import type { SignaturePolicy } from '../policy.ts';
import type { ImageSignatures } from '../signatures.ts';
import { verifySignatures } from '../verify.ts';
import { base64, makeKey } from './sign.ts';

export const manifestDigest = digestOf(Buffer.from('manifest'));
export const otherDigest = digestOf(Buffer.from('other'));
export const name = 'registry.example:5000/os/base';
export const key = makeKey();
export const stranger = makeKey();
export const log = makeKey();

export const byKey = { keyData: base64(key.publicPem) };
export const byRepository = { type: 'matchRepository' };

/** A policy whose only scope asks for a signature of these keys. */
export function policyOf(fields: object, identity?: object): SignaturePolicy {
  const requirement = { type: 'sigstoreSigned', ...fields, ...(identity && { signedIdentity: identity }) };
  const transports = { docker: { 'registry.example:5000': [requirement] } };
  return parseSignaturePolicy(JSON.stringify({ default: [{ type: 'reject' }], transports }), 'policy.json');
}

export function verify(policy: SignaturePolicy, signatures: ImageSignatures, version = ':v1'): Acceptance {
  const reference = parseImageReference(`${name}${version}`);
  return verifySignatures({ policy, reference, manifestDigest, signatures });
}

/** Code and text of the refusal. */
export function refusal(policy: SignaturePolicy, signatures: ImageSignatures, version?: string): string {
  try {
    verify(policy, signatures, version);
  } catch (error) {
    if (error instanceof OciError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}
