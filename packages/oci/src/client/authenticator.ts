// Who we are for a registry: nothing, Basic (RFC 7617), or a bearer token that a token server gives for one repository.
// https://distribution.github.io/distribution/spec/auth/token/
import * as z from 'zod';
import { OciError } from '../error.ts';
import type { ImageReference } from '../reference.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type Answer, discard, headerTexts, readBody, type Transport } from './transport.ts';

export interface Credentials {
  username: string;
  password: string;
}

/** Finds the credentials for a registry, or for one repository in it. */
export type CredentialLookup = (registry: string, repository: string) => Credentials | undefined;

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
   * @throws OciError REGISTRY_UNAUTHORIZED, REGISTRY_PROTOCOL; what undici throws for broken connections
   */
  async answer(
    reference: ImageReference,
    headers: Answer['headers'],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    this.#known.delete(keyOf(reference));
    const challenges = parseChallenges(headerTexts(headers, 'www-authenticate'));
    const credentials = this.#lookup(reference.registry, reference.repository);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#fetchToken(reference, bearer, credentials, signal);
    if (!challenges.some(({ scheme }) => scheme === 'basic') || credentials === undefined) return undefined;
    return this.#remember(reference, basic(credentials), Number.POSITIVE_INFINITY);
  }

  async #fetchToken(
    reference: ImageReference,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const url = this.#tokenUrl(reference, challenge, credentials);
    const headers: Record<string, string> = credentials === undefined ? {} : { authorization: basic(credentials) };
    const answer = await this.#transport.exchange({ method: 'GET', url, headers, signal });
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

  #tokenUrl(reference: ImageReference, challenge: Challenge, credentials: Credentials | undefined): URL {
    const realm = challenge.parameters.get('realm') ?? '';
    const url = URL.parse(realm);
    if (url === null || !(url.protocol === 'https:' || (this.#insecure && url.protocol === 'http:'))) {
      throw new OciError(
        'REGISTRY_PROTOCOL',
        `${reference.registry} names ${JSON.stringify(realm.slice(0, 200))} as its token server, which is not an https address; check the registry`,
      );
    }
    const service = challenge.parameters.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${reference.repository}:${this.#actions}`);
    if (credentials !== undefined) url.searchParams.set('account', credentials.username);
    return url;
  }

  #remember(reference: ImageReference, authorization: string, expires: number): string {
    this.#known.set(keyOf(reference), { authorization, expires });
    return authorization;
  }
}

function keyOf(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

function basic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
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
