// Certificates of signers: from the signer's to a root of the policy, valid at a time, made for signing code. What Node's
// X509Certificate does not tell comes from the DER. https://www.rfc-editor.org/rfc/rfc5280#section-6
import { X509Certificate } from 'node:crypto';
import { X509Certificate as ParsedCertificate } from '@sigstore/core';

export interface Certificate {
  x509: X509Certificate;
  parsed: ParsedCertificate;
}

export interface ChainOptions {
  leaf: Certificate;
  intermediates: readonly Certificate[];
  roots: readonly Certificate[];
  /** All of them must be valid then. */
  at: Date;
}

const oids = {
  subjectAltName: '2.5.29.17',
  nameConstraints: '2.5.29.30',
  issuer: '1.3.6.1.4.1.57264.1.1',
  issuerV2: '1.3.6.1.4.1.57264.1.8',
};
/** Extensions that are looked at; key usage and basic constraints by OpenSSL, certificate policies restrict no use here. */
const knownExtensions: readonly string[] = [oids.subjectAltName, '2.5.29.15', '2.5.29.19', '2.5.29.32', '2.5.29.37'];
const codeSigning: readonly string[] = ['1.3.6.1.5.5.7.3.3', '2.5.29.37.0'];
/** More is asked for only by who wants to keep a machine busy. */
const maximumChecks = 100;
const maximumDepth = 8;

/** Throws Error for what is no certificate. */
export function parseCertificate(der: Buffer<ArrayBuffer>): Certificate {
  try {
    const x509 = new X509Certificate(der);
    return { x509, parsed: ParsedCertificate.parse(Buffer.from(x509.raw)) };
  } catch (cause) {
    throw new Error('a certificate cannot be read', { cause });
  }
}

/** Throws Error where no chain leads from the leaf to a root. */
export function verifyChain({ leaf, intermediates, roots, at }: ChainOptions): void {
  let checks = 0;
  let reason = 'no root of the policy has issued it';
  checkUse(leaf, at);
  if (!findRoot(leaf, 0)) throw new Error(`the certificate of the signer is not accepted: ${reason}`);

  function findRoot(subject: Certificate, depth: number): boolean {
    if (roots.some((root) => isSame(root, subject))) return true;
    for (const issuer of [...roots, ...intermediates]) {
      if (depth >= maximumDepth || !subject.x509.checkIssued(issuer.x509)) continue;
      checks += 1;
      if (checks > maximumChecks) throw new Error('the certificate of the signer has too many possible issuers');
      const problem = issuerProblem(subject, issuer, depth, at);
      if (problem !== undefined) reason = problem;
      else if (findRoot(issuer, depth + 1)) return true;
    }
    return false;
  }
}

/** Addresses in the certificate's alternative names. */
export function emailsOf({ parsed }: Certificate): string[] {
  const names = parsed.extension(oids.subjectAltName)?.valueObj.subs[0]?.subs ?? [];
  return names.filter(({ tag }) => tag.isContextSpecific(1)).map(({ value }) => value.toString('latin1'));
}

/** Which identity provider Fulcio says has vouched for the signer. https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
export function fulcioIssuerOf({ parsed }: Certificate): string | undefined {
  const first = parsed.extension(oids.issuer)?.value.toString('utf8');
  const second = parsed.extension(oids.issuerV2)?.valueObj;
  // DER: the octet string holds exactly one UTF8String.
  if (second !== undefined && (second.subs.length !== 1 || second.subs[0]?.tag.number !== 0x0c)) {
    throw new Error("the certificate's issuer extension is damaged");
  }
  const later = second?.subs[0]?.value.toString('utf8');
  if (first !== undefined && later !== undefined && first !== later) {
    throw new Error('the certificate names two different issuers of the identity');
  }
  return later ?? first;
}

function issuerProblem(subject: Certificate, issuer: Certificate, depth: number, at: Date): string | undefined {
  try {
    checkUse(issuer, at);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (!issuer.x509.ca) return `${nameOf(issuer)} is no authority`;
  const pathLength = issuer.parsed.extBasicConstraints?.pathLenConstraint;
  if (pathLength !== undefined && pathLength < depth)
    return `${nameOf(issuer)} may not have so many authorities below it`;
  if (subject.x509.verify(issuer.x509.publicKey)) return undefined;
  return `${nameOf(issuer)} has not signed it`;
}

/** Throws Error where a certificate does not serve for signing code at that time. */
function checkUse(certificate: Certificate, at: Date): void {
  const { x509, parsed } = certificate;
  const name = nameOf(certificate);
  if (!(x509.validFromDate <= at && at <= x509.validToDate)) {
    throw new Error(`${name} was not valid at ${at.toISOString()} (${x509.validFrom} to ${x509.validTo})`);
  }
  if (x509.keyUsage !== undefined && !x509.keyUsage.some((usage) => codeSigning.includes(usage))) {
    throw new Error(`${name} is not for code signing`);
  }
  if (/md5|sha-?1(?![0-9])/i.test(x509.signatureAlgorithm ?? '')) throw new Error(`${name} is signed with a weak hash`);
  const seen = new Set<string>();
  for (const extension of parsed.extensions) {
    const oid = extension.subs[0]?.toOID() ?? '';
    if (seen.has(oid)) throw new Error(`${name} has an extension twice (${oid})`);
    seen.add(oid);
    const isRestricting = oid === oids.nameConstraints || parsed.extension(oid)?.critical === true;
    if (isRestricting && !knownExtensions.includes(oid)) {
      throw new Error(`${name} has an extension that is not supported (${oid})`);
    }
  }
}

function isSame(one: Certificate, other: Certificate): boolean {
  return one.x509.raw.equals(other.x509.raw);
}

function nameOf({ x509 }: Certificate): string {
  return `the certificate "${x509.subject.replaceAll('\n', ', ').slice(0, 200)}"`;
}
