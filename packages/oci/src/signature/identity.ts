// Whether a signature was made for the image that the user named, and not for another one of the same signer.
import type { SignedIdentity } from './policy.ts';
import { parseSignedReference, type SignedReference } from './signed-reference.ts';

/** `intended` is what the user named, `signed` the reference in the signature. */
export function identityMatches(rule: SignedIdentity, intended: SignedReference, signed: string): boolean {
  const found = parseSignedReference(signed);
  if (found === undefined) return false;
  switch (rule.type) {
    case 'matchExact':
      return isSame(intended, found);
    case 'matchRepoDigestOrExact':
      return isSameOrByDigest(intended, found);
    case 'matchRepository':
      return found.name === intended.name;
    case 'exactReference':
      return isSame(parseSignedReference(rule.dockerReference), found);
    case 'exactRepository':
      return found.name === parseSignedReference(rule.dockerRepository)?.name;
    case 'remapIdentity': {
      const remapped = remap(intended, rule.prefix, rule.signedPrefix);
      return remapped !== undefined && isSameOrByDigest(remapped, found);
    }
  }
}

/** A signature that names a repository only was made for no certain image. */
function isSame(wanted: SignedReference | undefined, found: SignedReference): boolean {
  return found.version !== '' && found.name === wanted?.name && found.version === wanted.version;
}

/** The digest itself is compared with what was signed anyhow, so that the signature may name a tag. */
function isSameOrByDigest(intended: SignedReference, found: SignedReference): boolean {
  if (!intended.version.startsWith('@')) return isSame(intended, found);
  return found.version !== '' && found.name === intended.name;
}

function remap(reference: SignedReference, prefix: string, signedPrefix: string): SignedReference | undefined {
  const { name, version } = reference;
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return reference;
  const remapped = `${signedPrefix}${name.slice(prefix.length)}`;
  // A prefix must lead to a name that is written out: `library` alone would mean Docker Hub's.
  return parseSignedReference(`${remapped}${version}`)?.name === remapped ? { name: remapped, version } : undefined;
}
