// For tests: authorities and certificates of signers, good ones and others. @peculiar/x509 needs the Reflect metadata
// polyfill before it: tests take the library from here.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { TestKey } from './sign.ts';

export { Extension };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const codeSigning = '1.3.6.1.5.5.7.3.3';
export const serverAuthentication = '1.3.6.1.5.5.7.3.1';

export interface TestCertificate {
  keys: webcrypto.CryptoKeyPair;
  certificate: X509Certificate;
  pem: string;
  der: Buffer;
}

export interface TestCertificateOptions {
  name: string;
  issuer?: TestCertificate;
  isAuthority?: boolean;
  pathLength?: number;
  emails?: string[];
  hosts?: string[];
  usages?: string[];
  from?: Date;
  to?: Date;
  extensions?: Extension[];
  hash?: string;
}

export async function makeCertificate(options: TestCertificateOptions): Promise<TestCertificate> {
  const { name, issuer, isAuthority = false, usages = isAuthority ? [] : [codeSigning] } = options;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names: JsonGeneralName[] = [
    ...(options.emails ?? []).map((value) => ({ type: 'email' as const, value })),
    ...(options.hosts ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  const certificate = await X509CertificateGenerator.create(
    {
      subject: `CN=${name}`,
      issuer: issuer?.certificate.subject ?? `CN=${name}`,
      notBefore: options.from ?? new Date('2025-10-01T00:00:00Z'),
      notAfter: options.to ?? new Date('2025-11-01T00:00:00Z'),
      publicKey: keys.publicKey,
      signingKey: issuer?.keys.privateKey ?? keys.privateKey,
      signingAlgorithm: { ...algorithm, hash: options.hash ?? 'SHA-256' },
      extensions: [
        new BasicConstraintsExtension(isAuthority, options.pathLength, true),
        new KeyUsagesExtension(isAuthority ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature, true),
        ...(usages.length > 0 ? [new ExtendedKeyUsageExtension(usages)] : []),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names, true)] : []),
        ...(options.extensions ?? []),
      ],
    },
    webcrypto,
  );
  return { keys, certificate, pem: `${certificate.toString('pem')}\n`, der: Buffer.from(certificate.rawData) };
}

/** To sign with. */
export function keyOf({ keys }: TestCertificate): TestKey {
  const publicPem = KeyObject.from(keys.publicKey).export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey: KeyObject.from(keys.privateKey), publicPem, hash: 'sha256' };
}

/** Fulcio's extensions: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
export function issuerExtension(version: 1 | 2, issuer: string): Extension {
  const text = Buffer.from(issuer);
  const der = version === 1 ? text : Buffer.concat([Buffer.from([0x0c, text.length]), text]);
  return new Extension(version === 1 ? '1.3.6.1.4.1.57264.1.1' : '1.3.6.1.4.1.57264.1.8', false, Uint8Array.from(der));
}
