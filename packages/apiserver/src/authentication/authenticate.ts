// Who sends a request: a client certificate or a bearer token; neither means anonymous.
import type { FastifyRequest } from 'fastify';
import { unauthorized } from '../status.ts';
import { anonymous, authenticatedGroup, type User } from '../user.ts';
import type { ClientCertificates } from './client-certificate.ts';

/** The user of a token, or undefined when the token is not good. `system:authenticated` is added by the server. */
export type TokenAuthenticator = (token: string) => Promise<User | undefined> | User | undefined;

const maxTokenLength = 4096;

/** Throws 401 for credentials that are not good, also where anonymous users would be allowed. */
export async function authenticate(
  request: FastifyRequest,
  certificates: ClientCertificates,
  tokens: TokenAuthenticator | undefined,
): Promise<User> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const [, token] = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization) ?? [];
    const user = token === undefined ? undefined : await authenticateToken(token, tokens);
    if (user === undefined) throw unauthorized();
    return user;
  }
  return certificates.authenticate(request) ?? anonymous;
}

/** Kinds of the credentials that came with a request, as upstream names them in the audit log. */
export function triedCredentials(request: FastifyRequest, certificates: ClientCertificates): string[] {
  const [, scheme] = /^(basic|bearer) /i.exec(request.headers.authorization ?? '') ?? [];
  return [...(scheme === undefined ? [] : [scheme.toLowerCase()]), ...(certificates.has(request) ? ['x509'] : [])];
}

export async function authenticateToken(
  token: string,
  tokens: TokenAuthenticator | undefined,
): Promise<User | undefined> {
  if (token.length > maxTokenLength) return undefined;
  const user = await tokens?.(token);
  if (user === undefined) return undefined;
  return { ...user, groups: [...user.groups.filter((group) => group !== authenticatedGroup), authenticatedGroup] };
}
