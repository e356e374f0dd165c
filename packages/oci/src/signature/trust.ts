// A policy's keys and certificates, read and ready for use.
import { isIP } from 'node:net';
import { certificatesIn } from './attachment.ts';
import { type Certificate, emailsOf, fulcioIssuerOf, parseCertificate, verifyChain } from './certificate.ts';
import type { PemSource, SignerTrust } from './policy.ts';
import { type PublicKey, parsePublicKey, usableKey } from './public-key.ts';
import { verifyPromise } from './rekor.ts';
import type { UntrustedSignature } from './untrusted-signature.ts';

/** Who may have made a signature, as far as the policy and what comes with the signature tell. */
export interface Signer {
  key: PublicKey;
  loggedAt?: Date;
}

/** Gives those whose key is to be tried. Throws Error with the reason where there is none. */
export type FindSigners = (signature: UntrustedSignature) => Signer[];

/** `now` is the time for certificates of `pki`. Throws Error where the policy itself cannot be used. */
export function prepareTrust(trust: SignerTrust, now: Date): FindSigners {
  switch (trust.type) {
    case 'keys': {
      const keys = trust.keys.map(readKey);
      const rekorKeys = trust.rekorKeys.map(readRekorKey);
      if (rekorKeys.length === 0) return () => keys.map((key) => ({ key }));
      return (signature) => loggedSigners(signature, keys, rekorKeys);
    }
    case 'fulcio': {
      const roots = readCertificates(trust.roots);
      const rekorKeys = trust.rekorKeys.map(readRekorKey);
      return (signature) => fulcioSigner(signature, trust, roots, rekorKeys);
    }
    case 'pki': {
      const roots = readCertificates(trust.roots);
      const intermediates = trust.intermediates === undefined ? [] : readCertificates(trust.intermediates);
      return (signature) => pkiSigner(signature, trust, { roots, intermediates, at: now });
    }
  }
}

/** An entry of the log is about one key: the others have not signed what it is about. */
function loggedSigners(signature: UntrustedSignature, keys: PublicKey[], rekorKeys: PublicKey[]): Signer[] {
  const { body, time } = verifyPromise(signature.readLogEntry(), rekorKeys);
  const problems = new Set<string>();
  for (const key of keys) {
    const problem = signature.logBodyProblem(body, key.der);
    if (problem === undefined) return [{ key, loggedAt: time }];
    problems.add(problem);
  }
  throw new Error([...problems].join('; '));
}

/** Fulcio's certificates live for minutes: the log tells that the signature was made within them. */
function fulcioSigner(
  signature: UntrustedSignature,
  trust: SignerTrust & { type: 'fulcio' },
  roots: Certificate[],
  rekorKeys: PublicKey[],
): Signer[] {
  const { body, time } = verifyPromise(signature.readLogEntry(), rekorKeys);
  const certificates = signature.readCertificates();
  const problem = signature.logBodyProblem(body, certificates.leaf);
  if (problem !== undefined) throw new Error(problem);
  const leaf = parseCertificate(certificates.leaf);
  verifyChain({ leaf, intermediates: certificates.intermediates.map(parseCertificate), roots, at: time });
  const issuer = fulcioIssuerOf(leaf);
  if (issuer !== trust.oidcIssuer) {
    throw new Error(`${issuer ?? 'nobody'} has vouched for the signer, and the policy asks for ${trust.oidcIssuer}`);
  }
  checkEmail(leaf, trust.subjectEmail);
  return [{ key: usableKey(`certificate of ${trust.subjectEmail}`, leaf.x509.publicKey), loggedAt: time }];
}

function pkiSigner(
  signature: UntrustedSignature,
  { subjectEmail, subjectHostname }: SignerTrust & { type: 'pki' },
  trusted: { roots: Certificate[]; intermediates: Certificate[]; at: Date },
): Signer[] {
  const certificates = signature.readCertificates();
  const leaf = parseCertificate(certificates.leaf);
  const intermediates = [...trusted.intermediates, ...certificates.intermediates.map(parseCertificate)];
  verifyChain({ ...trusted, leaf, intermediates });
  if (subjectEmail !== undefined) checkEmail(leaf, subjectEmail);
  if (subjectHostname !== undefined && !isForHost(leaf, subjectHostname)) {
    throw new Error(`the certificate of the signer is not for the host ${subjectHostname}`);
  }
  return [{ key: usableKey(`certificate of ${subjectEmail ?? subjectHostname}`, leaf.x509.publicKey) }];
}

function checkEmail(leaf: Certificate, wanted: string): void {
  const emails = emailsOf(leaf);
  if (emails.includes(wanted)) return;
  throw new Error(
    `the certificate is of ${emails.join(', ') || 'nobody with an address'}, and the policy asks for ${wanted}`,
  );
}

/** As Go's crypto/x509 has it: a wildcard is the whole first label, and a name that begins with a dot is none. */
function isForHost({ x509 }: Certificate, host: string): boolean {
  if (isIP(host) !== 0) return x509.checkIP(host) !== undefined;
  return !host.startsWith('.') && x509.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}

function readKey(source: PemSource): PublicKey {
  return parsePublicKey(source.name, textOf(source));
}

function readRekorKey(source: PemSource): PublicKey {
  const key = readKey(source);
  if (key.key.asymmetricKeyType === 'ec') return key;
  throw new Error(`${source.name} is not the key of a log: Rekor's are ECDSA keys`);
}

function readCertificates(source: PemSource): Certificate[] {
  const certificates = certificatesIn(textOf(source)).map(parseCertificate);
  if (certificates.length === 0) throw new Error(`${source.name} has no certificate in PEM`);
  return certificates;
}

function textOf({ name, text, problem }: PemSource): string {
  if (text !== undefined) return text;
  throw new Error(`the key file ${name} cannot be used: ${problem ?? 'it was not read'}`);
}
