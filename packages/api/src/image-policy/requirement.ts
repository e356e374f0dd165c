// One policy of a ClusterImagePolicy in the words of containers-policy.json(5).
import type { ClusterImagePolicySpec } from '../kinds/cluster-image-policy.ts';
import type { RootOfTrust } from './root-of-trust.ts';
import type { SignedIdentity } from './signed-identity.ts';

/** Of any type; what else it has goes by that. */
export interface PolicyRequirement {
  readonly type: string;
  readonly [more: string]: unknown;
}

export function requirementOf({ rootOfTrust, signedIdentity }: ClusterImagePolicySpec['policy']): PolicyRequirement {
  return { type: 'sigstoreSigned', ...trustOf(rootOfTrust), signedIdentity: identityOf(signedIdentity) };
}

function trustOf({ publicKey, fulcioCAWithRekor, pki }: RootOfTrust): object {
  if (publicKey) {
    const { keyData, rekorKeyData } = publicKey;
    return { keyData, ...(rekorKeyData !== undefined && { rekorPublicKeyData: rekorKeyData }) };
  }
  if (fulcioCAWithRekor) {
    const { fulcioCAData, rekorKeyData, fulcioSubject } = fulcioCAWithRekor;
    const { oidcIssuer, signedEmail } = fulcioSubject;
    return {
      fulcio: { caData: fulcioCAData, oidcIssuer, subjectEmail: signedEmail },
      rekorPublicKeyData: rekorKeyData,
    };
  }
  const { caRootsData, caIntermediatesData, pkiCertificateSubject } = pki ?? {};
  return {
    pki: {
      caRootsData,
      ...(caIntermediatesData !== undefined && { caIntermediatesData }),
      ...(pkiCertificateSubject?.email !== undefined && { subjectEmail: pkiCertificateSubject.email }),
      ...(pkiCertificateSubject?.hostname !== undefined && { subjectHostname: pkiCertificateSubject.hostname }),
    },
  };
}

function identityOf(identity: SignedIdentity | undefined): object {
  const { exactRepository, remapIdentity } = identity ?? {};
  switch (identity?.matchPolicy) {
    case 'MatchRepository':
      return { type: 'matchRepository' };
    case 'ExactRepository':
      return { type: 'exactRepository', dockerRepository: exactRepository?.repository };
    case 'RemapIdentity':
      return { type: 'remapIdentity', prefix: remapIdentity?.prefix, signedPrefix: remapIdentity?.signedPrefix };
    default:
      return { type: 'matchRepoDigestOrExact' };
  }
}
