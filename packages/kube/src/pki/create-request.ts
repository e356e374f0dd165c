// Making a certificate signing request (PKCS#10, RFC 2986). Hosts do this, and an agent that idles for months should not
// carry a library for all of X.509 in memory to make three signatures a year: a request with a fixed form is written here.
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { KubeError } from '../error.ts';
import { bitString, emptyContext, objectIdentifier, sequence, setOfOne, smallInteger, utf8String } from './der.ts';
import { problemOf, type Subject } from './subject.ts';

/** Attribute types of X.520. */
const attributes = { commonName: '2.5.4.3', organization: '2.5.4.10' };
/** RFC 5758, 3.2. */
const ecdsaWithSha256 = '1.2.840.10045.4.3.2';

/**
 * A request, as PEM, for `key` (from createKey), which stays where it is. CERTIFICATE_INVALID for any other kind of key,
 * CERTIFICATE_REQUEST_INVALID for a subject that no server would accept.
 */
export function createCertificateRequest(options: Subject & { readonly key: string }): string {
  const problem = problemOf(options);
  if (problem) {
    throw new KubeError('CERTIFICATE_REQUEST_INVALID', `The certificate request is unusable: ${problem.problem}.`);
  }
  const key = readKey(options.key);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  // CertificationRequestInfo: version 0, subject, key, no attributes (RFC 2986, 4.1).
  const info = sequence(smallInteger(0), nameOf(options), publicKey, emptyContext(0));
  const signature = sign('sha256', info, key);
  return pemOf(sequence(info, sequence(objectIdentifier(ecdsaWithSha256)), bitString(signature)));
}

function readKey(pem: string): KeyObject {
  let key: KeyObject | undefined;
  let cause: unknown;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    cause = error;
  }
  if (key?.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  const message = 'The private key is not an EC P-256 key in PEM; make a new one.';
  throw new KubeError('CERTIFICATE_INVALID', message, { cause });
}

/** RDNs in the order in which Go's crypto/x509 writes them: organizations first. */
function nameOf({ commonName, organizations }: Subject): Uint8Array {
  const relativeNames = organizations.map((name) => relativeName(attributes.organization, name));
  return sequence(...relativeNames, relativeName(attributes.commonName, commonName));
}

function relativeName(type: string, text: string): Uint8Array {
  return setOfOne(sequence(objectIdentifier(type), utf8String(text)));
}

/** RFC 7468. */
function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}
