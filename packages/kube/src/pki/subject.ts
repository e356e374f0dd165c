// The two attributes of a subject that Kubernetes reads: CN is the user, each O is a group.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
import type { JsonName } from './x509.ts';

export interface Subject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** A node's common name is `system:node:` and a DNS subdomain of at most 253 characters (RFC 1123). */
const maxCommonNameLength = 'system:node:'.length + 253;
const maxOrganizationLength = 256;
const maxOrganizations = 16;

/** `subject` as RDNs, in the order in which Go's crypto/x509 writes them. */
export function nameOf(subject: Subject): JsonName {
  return [...subject.organizations.map((organization) => ({ O: [organization] })), { CN: [subject.commonName] }];
}

/** The subject with these CN and O; a reason when there is not exactly one CN or something is out of bounds. */
export function readSubject({
  commonNames,
  organizations,
}: {
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
}): Subject | { readonly problem: string } {
  const commonName = commonNames[0];
  if (commonName === undefined || commonNames.length !== 1) return { problem: 'its subject needs exactly one CN' };
  return problemOf({ commonName, organizations }) ?? { commonName, organizations };
}

export function problemOf(subject: Subject): { readonly problem: string } | undefined {
  if (!isPrintable(subject.commonName, maxCommonNameLength)) {
    return { problem: `its CN must be 1 to ${maxCommonNameLength} printable characters` };
  }
  if (subject.organizations.length > maxOrganizations) return { problem: `it has more than ${maxOrganizations} O` };
  if (!subject.organizations.every((organization) => isPrintable(organization, maxOrganizationLength))) {
    return { problem: `each O must be 1 to ${maxOrganizationLength} printable characters` };
  }
  return undefined;
}

/** No control, format or unassigned characters: names end in logs, headers and terminals. */
function isPrintable(text: string, maxLength: number): boolean {
  return text.length > 0 && text.length <= maxLength && !/\p{C}/u.test(text);
}
