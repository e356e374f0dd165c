// A certificate authority of our own: one self-signed P-256 certificate and the certificates that it issues. The library
// that makes them is loaded with the first one: a server that has its certificates starts in half the time without it.
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { KubeError } from '../error.ts';
import { parseCertificate } from './certificate.ts';
import { createKey, importKey, signingAlgorithm } from './key.ts';
import { nameOf, problemOf, type Subject } from './subject.ts';
import type { JsonGeneralNames, PublicKeyType } from './x509.ts';

/** PEM texts. `key` is a secret: keep it in a file of mode 0600. */
export interface CertificateAuthority {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate and its key, as PEM. */
export interface Credential {
  /** The certificate, followed by its authority's, as a TLS peer presents them. */
  readonly certificate: string;
  readonly key: string;
}

const day = 24 * 60 * 60 * 1000;

/** Clocks of a fleet differ; certificates begin this much earlier (milliseconds; as kube-controller-manager's signer). */
const backdate = 5 * 60 * 1000;

/** A new authority. `validity` is in milliseconds, 10 years unless given. */
export async function createCertificateAuthority(options: {
  commonName: string;
  validity?: number;
}): Promise<CertificateAuthority> {
  const key = createKey();
  const keys = importKey(key);
  const { notBefore, notAfter } = lifetime(options.validity ?? 3650 * day);
  const library = await import('./x509.ts');
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, SubjectKeyIdentifierExtension } = library;
  const certificate = await library.X509CertificateGenerator.createSelfSigned({
    serialNumber: createSerialNumber(),
    name: nameOf(checked({ commonName: options.commonName, organizations: [] })),
    notBefore,
    notAfter,
    keys,
    signingAlgorithm,
    extensions: [
      // Path length 0: it issues end certificates only.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key };
}

/**
 * A TLS server's certificate for `hosts` (DNS names and IP addresses; at least one). `validity` is in milliseconds, one
 * year unless given, and never beyond the authority's.
 */
export async function issueServerCertificate(
  authority: CertificateAuthority,
  options: { hosts: readonly string[]; validity?: number },
): Promise<Credential> {
  const [first] = options.hosts;
  if (first === undefined) throw new KubeError('CERTIFICATE_INVALID', 'A server certificate needs at least one host.');
  const key = createKey();
  const certificate = await issueCertificate(authority, {
    subject: { commonName: first, organizations: [] },
    publicKey: importKey(key).publicKey,
    usage: 'serverAuth',
    validity: options.validity ?? 365 * day,
    hosts: options.hosts,
  });
  return { certificate: certificate + authority.certificate, key };
}

/** A client's certificate: `commonName` is the user, `organizations` are its groups. `validity` as for servers. */
export async function issueClientCertificate(
  authority: CertificateAuthority,
  options: { commonName: string; organizations: readonly string[]; validity?: number },
): Promise<Credential> {
  const key = createKey();
  const certificate = await issueCertificate(authority, {
    subject: options,
    publicKey: importKey(key).publicKey,
    usage: 'clientAuth',
    validity: options.validity ?? 365 * day,
    hosts: [],
  });
  return { certificate: certificate + authority.certificate, key };
}

/** What stands in a certificate to be issued; `validity` in milliseconds. */
export interface CertificateTemplate {
  readonly subject: Subject;
  readonly publicKey: PublicKeyType;
  readonly usage: 'clientAuth' | 'serverAuth';
  readonly validity: number;
  /** DNS names and IP addresses that it is good for. */
  readonly hosts: readonly string[];
}

/** Signs `template` with the authority's key and gives the certificate alone, as PEM. */
export async function issueCertificate(
  authority: CertificateAuthority,
  template: CertificateTemplate,
): Promise<string> {
  const { isAuthority, ...life } = parseCertificate(authority.certificate);
  if (!isAuthority) throw new KubeError('CERTIFICATE_INVALID', 'The issuer is not a certificate authority.');
  const { notBefore, notAfter } = lifetime(template.validity, life);
  if (life.notAfter <= new Date()) {
    throw new KubeError('CERTIFICATE_INVALID', `The certificate authority expired at ${life.notAfter.toISOString()}.`);
  }
  const library = await import('./x509.ts');
  const { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags } = library;
  const issuer = new library.X509Certificate(authority.certificate);
  const certificate = await library.X509CertificateGenerator.create({
    serialNumber: createSerialNumber(),
    subject: nameOf(checked(template.subject)),
    issuer: issuer.subjectName,
    notBefore,
    notAfter,
    publicKey: template.publicKey,
    signingKey: importKey(authority.key).privateKey,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new library.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[template.usage]]),
      await library.SubjectKeyIdentifierExtension.create(template.publicKey),
      await library.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(template.hosts.length === 0 ? [] : [new library.SubjectAlternativeNameExtension(namesOf(template.hosts))]),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function namesOf(hosts: readonly string[]): JsonGeneralNames {
  return hosts.map((host) => ({ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }));
}

function checked(subject: Subject): Subject {
  const problem = problemOf(subject);
  if (problem !== undefined)
    throw new KubeError('CERTIFICATE_INVALID', `No certificate was issued: ${problem.problem}.`);
  return subject;
}

/** From a little before now for `validity` milliseconds, but only within the issuer's own lifetime. */
function lifetime(validity: number, issuer?: { notBefore: Date; notAfter: Date }): { notBefore: Date; notAfter: Date } {
  if (!Number.isFinite(validity) || validity <= 0) {
    throw new KubeError('CERTIFICATE_INVALID', `A validity of ${validity} ms is not positive.`);
  }
  // X.509 dates hold whole seconds.
  const now = Math.floor(Date.now() / 1000) * 1000;
  return {
    notBefore: new Date(Math.max(now - backdate, issuer?.notBefore.getTime() ?? 0)),
    notAfter: new Date(Math.min(now + validity, issuer?.notAfter.getTime() ?? Number.POSITIVE_INFINITY)),
  };
}

/** 127 random bits: positive, and far above the 64 bits that CA/Browser Forum BR 7.1 asks for. */
function createSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
