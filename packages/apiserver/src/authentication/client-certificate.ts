// Client certificates: CN is the user, each O a group (kubernetes.io "X509 client certificates"). The TLS layer has
// checked the chain against the server's CA and that the certificate is for client authentication.
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { unauthorized } from '../status.ts';
import { authenticatedGroup, type User } from '../user.ts';

/** The user, undefined without a certificate; throws 401 for one that is not trusted. */
export function authenticateCertificate(request: FastifyRequest): User | undefined {
  const socket: unknown = request.raw.socket;
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const now = Date.now();
  // The connection may be older than the certificate's end.
  if (!socket.authorized || now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo))
    throw unauthorized();
  const { CN: commonName, O: organizations } = certificate.toLegacyObject().subject;
  const names = texts(commonName);
  const [name] = names;
  if (name === undefined || name === '' || names.length > 1) throw unauthorized();
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    name,
    groups: [...texts(organizations).filter((group) => group !== authenticatedGroup), authenticatedGroup],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
  };
}

function texts(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}
