// Reading certificates: who it names, how long it lasts, and the pin of its key.
import { KubeError } from '../error.ts';
import { pinOf } from './pin.ts';
import { readSubject } from './subject.ts';
import { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, X509Certificate } from './x509.ts';

export interface Certificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Lower-case hex. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isAuthority: boolean;
  /** True when its extended key usage allows TLS client authentication (or says nothing). */
  readonly clientAuth: boolean;
}

/** Far above any real chain of two P-256 or RSA certificates. */
const maxCertificateBytes = 64 * 1024;

/**
 * Reads the first certificate of `source` (PEM text or DER bytes). Checks no signature and no date.
 * CERTIFICATE_INVALID when it is not a certificate with exactly one CN.
 */
export function parseCertificate(source: string | Uint8Array): Certificate {
  const certificate = decodeCertificate(source);
  const subject = readSubject(certificate.subjectName);
  if ('problem' in subject)
    throw new KubeError('CERTIFICATE_INVALID', `The certificate is unusable: ${subject.problem}.`);
  const usage = certificate.getExtension(ExtendedKeyUsageExtension);
  return {
    ...subject,
    serialNumber: certificate.serialNumber,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    isAuthority: isAuthority(certificate),
    clientAuth: usage === null || usage.usages.includes(ExtendedKeyUsage.clientAuth),
  };
}

/** The pin of a certificate's public key: see pinOf. */
export function certificatePin(source: string | Uint8Array): string {
  return pinOf(new Uint8Array(decodeCertificate(source).publicKey.rawData));
}

export function isAuthority(certificate: X509Certificate): boolean {
  return certificate.getExtension(BasicConstraintsExtension)?.ca === true;
}

export function decodeCertificate(source: string | Uint8Array): X509Certificate {
  if (source.length > maxCertificateBytes) {
    throw new KubeError('CERTIFICATE_INVALID', `The certificate is larger than ${maxCertificateBytes} bytes.`);
  }
  try {
    return new X509Certificate(typeof source === 'string' ? firstPemBlock(source) : Uint8Array.from(source));
  } catch (cause) {
    throw new KubeError('CERTIFICATE_INVALID', 'The text is not an X.509 certificate in PEM.', { cause });
  }
}

/** X509Certificate takes any base64 for a certificate; only a PEM block will do here. */
function firstPemBlock(pem: string): string {
  const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.exec(pem);
  if (block === null) throw new Error('no CERTIFICATE block');
  return block[0];
}
