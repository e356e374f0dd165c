// Reading certificates: who it names, how long it lasts, and the pin of its key.
import { X509Certificate } from 'node:crypto';
import { KubeError } from '../error.ts';
import { pinOf } from './pin.ts';
import { readSubject } from './subject.ts';

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

/** id-kp-clientAuth (RFC 5280, 4.2.1.12). */
const clientAuthentication = '1.3.6.1.5.5.7.3.2';

/** Far above any real chain of two P-256 or RSA certificates. */
const maxCertificateBytes = 64 * 1024;

/**
 * Reads the first certificate of `source` (PEM text or DER bytes). Checks no signature and no date.
 * CERTIFICATE_INVALID when it is not a certificate with exactly one CN.
 */
export function parseCertificate(source: string | Uint8Array): Certificate {
  const certificate = decodeCertificate(source);
  const { CN, O } = certificate.toLegacyObject().subject;
  const subject = readSubject({ commonNames: textsOf(CN), organizations: textsOf(O) });
  if ('problem' in subject)
    throw new KubeError('CERTIFICATE_INVALID', `The certificate is unusable: ${subject.problem}.`);
  const usages: readonly string[] | undefined = certificate.keyUsage;
  return {
    ...subject,
    serialNumber: certificate.serialNumber.toLowerCase(),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    isAuthority: certificate.ca,
    clientAuth: usages?.includes(clientAuthentication) ?? true,
  };
}

/** The pin of a certificate's public key: see pinOf. */
export function certificatePin(source: string | Uint8Array): string {
  return pinOf(decodeCertificate(source).publicKey.export({ type: 'spki', format: 'der' }));
}

function decodeCertificate(source: string | Uint8Array): X509Certificate {
  if (source.length > maxCertificateBytes) {
    throw new KubeError('CERTIFICATE_INVALID', `The certificate is larger than ${maxCertificateBytes} bytes.`);
  }
  try {
    return new X509Certificate(typeof source === 'string' ? firstPemBlock(source) : source);
  } catch (cause) {
    throw new KubeError('CERTIFICATE_INVALID', 'The text is not an X.509 certificate in PEM.', { cause });
  }
}

function textsOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** Bytes may be DER; in a text, only a PEM block will do. */
function firstPemBlock(pem: string): string {
  const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.exec(pem);
  if (block === null) throw new Error('no CERTIFICATE block');
  return block[0];
}
