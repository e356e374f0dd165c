// Certificate signing requests (PKCS#10, RFC 2986). A request comes from a host that nobody knows yet: it is untrusted
// input. What is signed is rebuilt from the checked parts; no extension and no other attribute of the request passes.
import { createPublicKey } from 'node:crypto';
import { KubeError } from '../error.ts';
import { type CertificateAuthority, issueCertificate } from './authority.ts';
import { readSubject } from './subject.ts';
import type { Pkcs10CertificateRequest } from './x509.ts';

type Library = typeof import('./x509.ts');

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** SPKI PEM of the key that the request proves to hold. */
  readonly publicKey: string;
  /** Subject alternative names that the request asks for, as `dns:…`, `ip:…`. None of them is ever signed. */
  readonly alternativeNames: readonly string[];
}

/** A request with an RSA 8192 key is 4.5 KiB of PEM. */
const maxRequestBytes = 16 * 1024;

const minRsaBits = 2048;
const maxRsaBits = 8192;
const curves: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/**
 * Checks an untrusted request: size, form, one CN, a strong key, and that its signature was made by that key.
 * CERTIFICATE_REQUEST_INVALID says what is wrong. Whether the subject may be had is the caller's question.
 */
export async function inspectCertificateRequest(pem: string): Promise<CertificateRequest> {
  return (await openRequest(pem)).summary;
}

/**
 * A client certificate (PEM, without chain) for the subject and key of `pem`, which is checked again. `validity` is in
 * milliseconds. Authorization is the caller's: inspect the request first.
 */
export async function signCertificateRequest(
  authority: CertificateAuthority,
  pem: string,
  options: { validity: number },
): Promise<string> {
  const { request, summary } = await openRequest(pem);
  return issueCertificate(authority, {
    subject: summary,
    publicKey: request.publicKey,
    usage: 'clientAuth',
    validity: options.validity,
    hosts: [],
  });
}

async function openRequest(pem: string): Promise<{ request: Pkcs10CertificateRequest; summary: CertificateRequest }> {
  const library = await import('./x509.ts');
  const request = decodeRequest(library, pem);
  const name = request.subjectName;
  const subject = readSubject({ commonNames: name.getField('CN'), organizations: name.getField('O') });
  if ('problem' in subject) throw invalid(subject.problem);
  const publicKey = checkPublicKey(request);
  if (!(await verifies(request))) throw invalid('its signature was not made by its key');
  return { request, summary: { ...subject, publicKey, alternativeNames: alternativeNamesOf(library, request) } };
}

function decodeRequest({ Pkcs10CertificateRequest }: Library, pem: string): Pkcs10CertificateRequest {
  if (pem.length > maxRequestBytes) throw invalid(`it is larger than ${maxRequestBytes} bytes`);
  const block = /^\s*-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----\s*$/.exec(
    pem,
  );
  if (block?.[1] === undefined) throw invalid('it is not one CERTIFICATE REQUEST block of PEM');
  const der = Uint8Array.from(Buffer.from(block[1], 'base64'));
  if (!isOneSequence(der)) throw invalid('it is not exactly one DER sequence');
  try {
    return new Pkcs10CertificateRequest(der);
  } catch (cause) {
    throw invalid('it is not PKCS#10', cause);
  }
}

/**
 * True when `der` is a SEQUENCE that ends where the bytes end (X.690 8.1.3, definite lengths below 64 KiB). The parser ignores what follows it; another reader might not.
 */
function isOneSequence(der: Uint8Array): boolean {
  const [tag, form, high = 0, low = 0] = der;
  if (tag !== 0x30 || form === undefined) return false;
  if (form < 0x80) return der.length === 2 + form;
  if (form === 0x81) return der.length === 3 + high;
  return form === 0x82 && der.length === 4 + high * 256 + low;
}

function checkPublicKey(request: Pkcs10CertificateRequest): string {
  const key = importPublicKey(request);
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ec':
      if (!curves.includes(details.namedCurve)) throw invalid('its EC key is not on P-256, P-384 or P-521');
      break;
    case 'rsa': {
      const bits = details.modulusLength ?? 0;
      if (bits < minRsaBits || bits > maxRsaBits) throw invalid(`its RSA key has ${bits} bits`);
      break;
    }
    case 'ed25519':
      break;
    default:
      throw invalid('its key is neither EC, RSA nor Ed25519');
  }
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function importPublicKey(request: Pkcs10CertificateRequest) {
  try {
    return createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
  } catch (cause) {
    throw invalid('its public key is malformed', cause);
  }
}

async function verifies(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch (cause) {
    throw invalid('its signature uses an unknown algorithm or is malformed', cause);
  }
}

function alternativeNamesOf({ SubjectAlternativeNameExtension }: Library, request: Pkcs10CertificateRequest): string[] {
  try {
    const names: string[] = [];
    for (const extension of request.extensions) {
      if (!(extension instanceof SubjectAlternativeNameExtension)) continue;
      for (const name of extension.names.items) names.push(`${name.type}:${name.value}`);
    }
    return names;
  } catch (cause) {
    throw invalid('its requested extensions are malformed', cause);
  }
}

function invalid(problem: string, cause?: unknown): KubeError {
  return new KubeError('CERTIFICATE_REQUEST_INVALID', `The certificate request was refused: ${problem}.`, { cause });
}
