// OpenID Connect ID tokens (openid.net OpenID Connect Core 1.0, Discovery 1.0), with the meaning that kube-apiserver gives
// them (kubernetes.io "OpenID Connect Tokens"): one issuer, its keys by discovery, claims for user and groups.
// Verification is jose's. Prefixes keep what an issuer says apart from the names that this server gives a meaning.
import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { isRecord } from '../object.ts';
import type { User } from '../user.ts';
import type { TokenAuthenticator } from './authenticate.ts';
import { fetchFromIssuer } from './fetch-from-issuer.ts';

export interface OidcOptions {
  /** `iss` of the tokens, an https URL; its keys are found below it. */
  readonly issuer: string;
  /** A token must be for one of them (`aud`). */
  readonly audiences: readonly string[];
  /** Default `sub`. */
  readonly usernameClaim?: string;
  /** Default `oidc:`. */
  readonly usernamePrefix?: string;
  /** A string or a list of strings; default `groups`. */
  readonly groupsClaim?: string;
  /** Default `oidc:`. */
  readonly groupsPrefix?: string;
  /** PEM of the authorities of the issuer's own certificate; those of the system unless given. */
  readonly ca?: string;
  /** Told when the issuer cannot be asked; its tokens are not good meanwhile. */
  readonly onError: (error: unknown) => void;
}

/** Only with a key pair: with a shared secret, whoever can verify can also forge (RFC 8725, section 3.1). */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const clockToleranceSeconds = 10;
/** After a failure the issuer is left alone for so long, whatever tokens come. */
const retryMilliseconds = 10_000;
/** Names that mean something to this server: no issuer may give them. */
const reservedPrefix = 'system:';

export function oidcAuthenticator(options: OidcOptions): TokenAuthenticator {
  const keys = new IssuerKeys(options);
  return async (token) => {
    if (!isFrom(token, options.issuer)) return undefined;
    const payload = await verify(token, options, keys);
    return payload === undefined ? undefined : userOf(payload, options);
  };
}

/** Before anything is fetched or computed: most tokens are not from this issuer. */
function isFrom(token: string, issuer: string): boolean {
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    return false;
  }
}

async function verify(token: string, options: OidcOptions, keys: IssuerKeys): Promise<JWTPayload | undefined> {
  try {
    const key = await keys.get();
    if (key === undefined) return undefined;
    const { payload } = await jwtVerify(token, key, {
      issuer: options.issuer,
      audience: [...options.audiences],
      algorithms,
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp'],
    });
    return payload;
  } catch (error) {
    // A token that is not good is the client's affair; keys that cannot be had are ours.
    if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) options.onError(error);
    return undefined;
  }
}

/** Where the issuer has its keys is asked once it is needed; the keys themselves are kept and renewed by jose. */
class IssuerKeys {
  readonly #options: OidcOptions;
  #keys: Promise<JWTVerifyGetKey> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  /** undefined when the issuer could not be asked a moment ago. */
  async get(): Promise<JWTVerifyGetKey | undefined> {
    if (this.#keys === undefined && performance.now() - this.#failedAt < retryMilliseconds) return undefined;
    this.#keys ??= this.#discover();
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = undefined;
      this.#failedAt = performance.now();
      throw error;
    }
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer, ca } = this.#options;
    const fetch = (url: string) => fetchFromIssuer(url, ca);
    const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    const document: unknown = await response.json();
    if (!isRecord(document) || document.issuer !== issuer || typeof document.jwks_uri !== 'string') {
      throw new TypeError(`what ${issuer} says of itself is another issuer's, or has no jwks_uri`);
    }
    return createRemoteJWKSet(new URL(document.jwks_uri), { [customFetch]: fetch });
  }
}

function userOf(payload: JWTPayload, options: OidcOptions): User | undefined {
  const { usernameClaim = 'sub', usernamePrefix = 'oidc:', groupsClaim = 'groups', groupsPrefix = 'oidc:' } = options;
  const username = payload[usernameClaim];
  if (typeof username !== 'string' || username === '') return undefined;
  // An address that the issuer did not verify is whatever its user wrote.
  if (usernameClaim === 'email' && payload.email_verified === false) return undefined;
  const name = `${usernamePrefix}${username}`;
  if (name.startsWith(reservedPrefix)) return undefined;
  const groups = groupsOf(payload[groupsClaim])
    .map((group) => `${groupsPrefix}${group}`)
    .filter((group) => !group.startsWith(reservedPrefix));
  const extra =
    payload.jti === undefined ? {} : { 'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti}`] };
  return { name, groups, extra };
}

function groupsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return [claim];
  return Array.isArray(claim) ? claim.filter((group) => typeof group === 'string') : [];
}
