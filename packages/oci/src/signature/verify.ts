import type { Digest } from '../digest.ts';
import { OciError } from '../error.ts';
import { formatImageReference, type ImageReference } from '../reference.ts';
import type { Acceptance, AcceptedSignature } from './acceptance.ts';
import { openAttachment } from './attachment.ts';
import { openBundle } from './bundle.ts';
import { identityMatches } from './identity.ts';
import type { PolicyRequirement, SignaturePolicy, SignedIdentity, SigstoreSigned } from './policy.ts';
import { hasSigned } from './public-key.ts';
import { findRequirements } from './scope.ts';
import type { ImageSignatures } from './signatures.ts';
import { intendedReference } from './signed-reference.ts';
import { type FindSigners, prepareTrust } from './trust.ts';
import type { Claim, UntrustedSignature } from './untrusted-signature.ts';

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

/**
 * Holds an image to a policy. Every requirement of the scope must be satisfied; one good signature satisfies one, whatever
 * the others are.
 * @throws OciError SIGNATURE_REJECTED with scope, requirement and reason; SIGNATURE_POLICY_INVALID for a key that cannot be used
 */
export function verifySignatures(options: VerifySignaturesOptions): Acceptance {
  const { scope, requirements } = findRequirements(options.policy, options.reference);
  const { digest } = options.reference;
  if (digest !== undefined && digest !== options.manifestDigest && digest !== options.indexDigest) {
    throw rejected(options, describeScope(scope), 'the image is not the one of the digest that was named');
  }
  const signatures: AcceptedSignature[] = [];
  for (const [index, requirement] of requirements.entries()) {
    const where = `${describeScope(scope)}, requirement ${index + 1} (${requirement.type})`;
    const accepted = evaluate(requirement, where, options);
    if (accepted !== undefined) signatures.push(accepted);
  }
  if (requirements.length === 0) throw rejected(options, describeScope(scope), 'the policy lists no requirement');
  return { ...(scope !== undefined && { scope }), isSigned: signatures.length > 0, signatures };
}

function evaluate(
  requirement: PolicyRequirement,
  where: string,
  options: VerifySignaturesOptions,
): AcceptedSignature | undefined {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return undefined;
    case 'reject':
      throw rejected(options, where, 'the policy refuses every image here');
    case 'signedBy':
      throw rejected(
        options,
        where,
        'signatures of GPG keys are not supported; sign with a Sigstore key and ask for that',
      );
    case 'signedBaseLayer':
      throw rejected(options, where, 'this kind of requirement is not supported by any program');
    case 'sigstoreSigned':
      return findSignature(requirement, where, options);
  }
}

/** The first signature that satisfies a requirement. */
function findSignature(
  requirement: SigstoreSigned,
  where: string,
  options: VerifySignaturesOptions,
): AcceptedSignature {
  const { attachments, bundles } = options.signatures;
  const findSigners = usableTrust(requirement, where, options);
  const candidates = [
    ...attachments.map((attachment, index) => ({
      name: `signature ${index + 1}`,
      open: () => openAttachment(attachment),
    })),
    ...bundles.map((bundle, index) => ({ name: `bundle ${index + 1}`, open: () => openBundle(bundle) })),
  ];
  const reasons: string[] = [];
  for (const { name, open } of candidates) {
    try {
      return acceptSignature(open(), findSigners, requirement.signedIdentity, options);
    } catch (error) {
      // Whatever it is, it comes from untrusted bytes, and this signature does not count.
      reasons.push(`${name}: ${shown(error instanceof Error ? error.message : String(error))}`);
    }
  }
  reasons.push(...(options.signatures.damaged ?? []).map(shown));
  throw rejected(options, where, reasons.length === 0 ? 'the image has no signature' : reasons.slice(0, 8).join('; '));
}

/** Throws Error with the reason why a signature does not count. */
function acceptSignature(
  signature: UntrustedSignature,
  findSigners: FindSigners,
  rule: SignedIdentity,
  options: VerifySignaturesOptions,
): AcceptedSignature {
  const signer = findSigners(signature).find(({ key }) => hasSigned(key, signature.signedBytes, signature.signature));
  if (signer === undefined) throw new Error('no key of the policy has made it');
  const claim = signature.readClaim();
  const digest = [options.manifestDigest, options.indexDigest].find(
    (one) => one !== undefined && claim.digests.includes(one),
  );
  if (digest === undefined)
    throw new Error(`it is for ${claim.digests.join(', ').slice(0, 200)}, which is another image`);
  checkIdentity(claim, rule, options.reference);
  return {
    kind: signature.kind,
    digest,
    signer: signer.key.name,
    keyId: signer.key.id,
    ...(claim.reference !== undefined && { signedReference: claim.reference }),
    ...(signer.loggedAt !== undefined && { loggedAt: signer.loggedAt.toISOString() }),
  };
}

/**
 * Identity keeps whoever holds the registry from answering a name with another image of the same signer. A bundle names none,
 * so that it counts only where no name was to be answered, the image being named by its digest, and where the policy does not
 * ask for more than the repository.
 */
function checkIdentity(claim: Claim, rule: SignedIdentity, reference: ImageReference): void {
  if (claim.reference !== undefined) {
    if (identityMatches(rule, intendedReference(reference), claim.reference)) return;
    throw new Error(`it is for ${JSON.stringify(claim.reference.slice(0, 300))}, which ${rule.type} does not accept`);
  }
  if (rule.type !== 'matchRepository') {
    throw new Error(`a bundle names no image, and ${rule.type} asks for one; use matchRepository, or sign with skopeo`);
  }
  if (reference.digest === undefined) {
    throw new Error('a bundle names no image, so that it counts only for one that is named by its digest; name it so');
  }
}

function usableTrust(requirement: SigstoreSigned, where: string, options: VerifySignaturesOptions): FindSigners {
  try {
    return prepareTrust(requirement.trust, options.now ?? new Date());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OciError(
      'SIGNATURE_POLICY_INVALID',
      `${name(options)} cannot be checked: ${why} (${where} of ${options.policy.source}); correct the policy`,
      { cause },
    );
  }
}

function rejected(options: VerifySignaturesOptions, where: string, why: string): OciError {
  return new OciError(
    'SIGNATURE_REJECTED',
    `${name(options)} (${options.manifestDigest}) is not accepted by ${options.policy.source}, ${where}: ${why}; sign the image as the policy asks, or change the policy`,
  );
}

function name({ reference }: VerifySignaturesOptions): string {
  return formatImageReference(reference);
}

function describeScope(scope: string | undefined): string {
  if (scope === undefined) return 'default';
  return scope === '' ? 'scope "" of all registries' : `scope ${scope}`;
}

/** A reason may hold what somebody has written into a signature or a certificate. */
function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 500);
}
