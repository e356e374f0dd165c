// Who we are for a registry: nothing, Basic (RFC 7617), or a bearer token that a token server gives for one repository.
// https://distribution.github.io/distribution/spec/auth/token/ and /spec/auth/oauth/
import { Readable } from 'node:stream';
import * as z from 'zod';
import { OciError } from '../error.ts';
import type { ImageReference } from '../reference.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type Answer, discard, type Exchange, headerTexts, readBody, type Transport } from './transport.ts';

interface PasswordCredentials {
  username: string;
  password: string;
}

/** What a token server gives access tokens for (OAuth 2.0, RFC 6749, section 6); other registries cannot use it. */
interface TokenCredentials {
  identityToken: string;
}

export type Credentials = PasswordCredentials | TokenCredentials;

/** Finds the credentials for a registry, or for one repository in it. */
export type CredentialLookup = (
  registry: string,
  repository: string,
  signal?: AbortSignal,
) => Credentials | undefined | Promise<Credentials | undefined>;

/** What a token is asked for. */
export type RepositoryActions = 'pull' | 'pull,push';

const tokenSchema = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.number().nullish(),
});

/** What the specification says for a token without a lifetime. */
const defaultLifetime = 60;

export class Authenticator {
  readonly #transport: Transport;
  readonly #lookup: CredentialLookup;
  readonly #insecure: boolean;
  readonly #actions: RepositoryActions;
  readonly #known = new Map<string, { authorization: string; expires: number }>();

  constructor(transport: Transport, lookup: CredentialLookup, insecure: boolean, actions: RepositoryActions) {
    this.#transport = transport;
    this.#lookup = lookup;
    this.#insecure = insecure;
    this.#actions = actions;
  }

  /** The Authorization header for a repository, as far as an earlier answer called for one. */
  authorization(reference: ImageReference): string | undefined {
    const known = this.#known.get(keyOf(reference));
    return known !== undefined && known.expires > Date.now() ? known.authorization : undefined;
  }

  /**
   * Answers a 401: gets a new Authorization header for the repository. Undefined where there is no way to get one.
   * @throws OciError REGISTRY_UNAUTHORIZED, REGISTRY_PROTOCOL; what the lookup throws, and undici for broken connections
   */
  async answer(
    reference: ImageReference,
    headers: Answer['headers'],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    this.#known.delete(keyOf(reference));
    const challenges = parseChallenges(headerTexts(headers, 'www-authenticate'));
    const credentials = await this.#lookup(reference.registry, reference.repository, signal);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#fetchToken(reference, bearer, credentials, signal);
    const authorization = challenges.some(({ scheme }) => scheme === 'basic') ? basic(credentials) : undefined;
    return authorization && this.#remember(reference, authorization, Number.POSITIVE_INFINITY);
  }

  async #fetchToken(
    reference: ImageReference,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const url = this.#tokenServer(reference, challenge);
    const parameters = this.#tokenParameters(reference, challenge);
    const answer = await this.#transport.exchange({ ...tokenRequest(url, parameters, credentials), signal });
    if (answer.status !== 200) {
      await discard(answer.body);
      throw new OciError(
        answer.status >= 500 || answer.status === 429 ? 'REGISTRY_UNREACHABLE' : 'REGISTRY_UNAUTHORIZED',
        `${url.origin} answers ${answer.status} and gives no token for ${keyOf(reference)}; check the credentials for ${reference.registry}`,
      );
    }
    const { token, lifetime } = parseToken(await readBody(answer.body, 1024 * 1024, `the token of ${url.origin}`), url);
    // Renewed early, so that it does not run out on the way.
    return this.#remember(reference, `Bearer ${token}`, Date.now() + lifetime * 900);
  }

  #tokenServer(reference: ImageReference, challenge: Challenge): URL {
    const realm = challenge.parameters.get('realm') ?? '';
    const url = URL.parse(realm);
    if (url !== null && (url.protocol === 'https:' || (this.#insecure && url.protocol === 'http:'))) return url;
    throw new OciError(
      'REGISTRY_PROTOCOL',
      `${reference.registry} names ${JSON.stringify(realm.slice(0, 200))} as its token server, which is not an https address; check the registry`,
    );
  }

  #tokenParameters(reference: ImageReference, challenge: Challenge): URLSearchParams {
    const parameters = new URLSearchParams({ scope: `repository:${reference.repository}:${this.#actions}` });
    const service = challenge.parameters.get('service');
    if (service !== undefined) parameters.set('service', service);
    return parameters;
  }

  #remember(reference: ImageReference, authorization: string, expires: number): string {
    this.#known.set(keyOf(reference), { authorization, expires });
    return authorization;
  }
}

function keyOf(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The header for a user name and a password; undefined for other credentials. */
function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials === undefined || 'identityToken' in credentials) return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

/** How a token is asked for. An identity token is posted: a request with a body follows no redirect. */
function tokenRequest(
  server: URL,
  parameters: URLSearchParams,
  credentials: Credentials | undefined,
): Omit<Exchange, 'signal'> {
  if (credentials !== undefined && 'identityToken' in credentials) {
    const { identityToken } = credentials;
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: identityToken, client_id: 'varve' });
    const bytes = Buffer.from(new URLSearchParams([...form, ...parameters]).toString());
    const body = { size: bytes.length, open: () => Readable.from([bytes]) };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: server, headers, body };
  }
  const url = new URL(server);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  if (credentials !== undefined) url.searchParams.set('account', credentials.username);
  const authorization = basic(credentials);
  return { method: 'GET', url, headers: authorization === undefined ? {} : { authorization } };
}

function parseToken(bytes: Uint8Array, url: URL): { token: string; lifetime: number } {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new OciError('REGISTRY_PROTOCOL', `${url.origin} gives a token that is not JSON; check the registry`, {
      cause,
    });
  }
  const result = tokenSchema.safeParse(value);
  const token = result.data?.token || result.data?.access_token || '';
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new OciError('REGISTRY_PROTOCOL', `${url.origin} gives an answer without a token; check the registry`);
  }
  return { token, lifetime: Math.max(result.data?.expires_in ?? defaultLifetime, defaultLifetime) };
}
