// Client certificates: CN is the user, each O a group (kubernetes.io "X509 client certificates"). The TLS layer has
// checked the chain against the server's CA and that the certificate is for client authentication.
import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { unauthorized } from '../status.ts';
import { authenticatedGroup, type User } from '../user.ts';

interface Known {
  /** undefined: a certificate that is not trusted, or names nobody. */
  readonly user: User | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Certificates are read once for each connection, which keeps the one that it began with. */
export class ClientCertificates {
  readonly #known = new WeakMap<TLSSocket, Known>();

  /** The user, undefined without a certificate; throws 401 for one that is not trusted. */
  authenticate(request: FastifyRequest): User | undefined {
    const known = this.#of(request);
    if (known === undefined) return undefined;
    const now = Date.now();
    // The connection may be older than the certificate's end.
    if (known.user === undefined || now < known.notBefore || now > known.notAfter) throw unauthorized();
    return known.user;
  }

  /** The user that a trusted certificate names, whether or not it is over. */
  find(request: FastifyRequest): User | undefined {
    return this.#of(request)?.user;
  }

  /** Whether the client showed one, of whatever worth. */
  has(request: FastifyRequest): boolean {
    return this.#of(request) !== undefined;
  }

  #of(request: FastifyRequest): Known | undefined {
    const socket: unknown = request.raw.socket;
    if (!(socket instanceof TLSSocket)) return undefined;
    const found = this.#known.get(socket);
    if (found !== undefined) return found;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return undefined;
    const known = {
      user: socket.authorized ? userOf(certificate) : undefined,
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
    };
    this.#known.set(socket, known);
    return known;
  }
}

function userOf(certificate: X509Certificate): User | undefined {
  const { CN: commonName, O: organizations } = certificate.toLegacyObject().subject;
  const names = texts(commonName);
  const [name] = names;
  if (name === undefined || name === '' || names.length > 1) return undefined;
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
