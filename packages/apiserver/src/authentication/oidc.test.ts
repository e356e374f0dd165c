// Tokens of an issuer that runs here: HTTPS with an authority of its own, discovery, keys.
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificateAuthority, issueServerCertificate } from '@varve/kube';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OidcOptions, oidcAuthenticator } from './oidc.ts';

const audience = 'varve';
let server: Server;
let issuer: string;
let ca: string;
let keys: Record<string, { privateKey: CryptoKey; publicKey: CryptoKey }>;
/** Ids of the keys that the issuer publishes. */
let published: string[];
let discovery: Record<string, unknown>;
let requests: string[] = [];

beforeAll(async () => {
  const authority = await createCertificateAuthority({ commonName: 'issuer' });
  const { certificate: cert, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
  ca = authority.certificate;
  keys = { first: await generateKeyPair('ES256'), second: await generateKeyPair('RS256') };
  published = ['first'];
  server = createServer({ cert, key }, async (request, response) => {
    requests.push(request.url ?? '');
    if (request.url === '/.well-known/openid-configuration') response.end(JSON.stringify(discovery));
    else if (request.url === '/keys') response.end(JSON.stringify({ keys: await publicKeys() }));
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: AddressInfo = Object.assign({ port: 0, family: '', address: '' }, server.address());
  issuer = `https://127.0.0.1:${port}`;
  discovery = { issuer, jwks_uri: `${issuer}/keys` };
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function publicKeys() {
  return await Promise.all(
    published.map(async (kid) => ({ ...(await exportJWK(keyOf(kid).publicKey)), kid, use: 'sig' })),
  );
}

function keyOf(kid: string) {
  const pair = keys[kid];
  if (pair === undefined) throw new Error(`no key ${kid}`);
  return pair;
}

interface TokenOptions {
  readonly kid?: string;
  readonly iss?: string;
  readonly aud?: string | string[];
  readonly expires?: string;
}

async function token(claims: JWTPayload, options: TokenOptions = {}): Promise<string> {
  const { kid = 'first', iss = issuer, aud = audience, expires = '5m' } = options;
  const alg = kid === 'second' ? 'RS256' : 'ES256';
  return await new SignJWT(claims)
    .setProtectedHeader({ alg, kid })
    .setIssuer(iss)
    .setAudience(aud)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(keyOf(kid).privateKey);
}

function authenticator(options: Partial<OidcOptions> = {}) {
  const failures: unknown[] = [];
  const onError = (error: unknown) => void failures.push(error);
  const authenticate = oidcAuthenticator({ issuer, audiences: [audience], ca, onError, ...options });
  return { authenticate, failures };
}

const unsigned = (claims: object, header: object = { alg: 'none' }) =>
  `${[header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;

describe('a token of the issuer', () => {
  test('names its user and groups, with prefixes', async () => {
    const { authenticate, failures } = authenticator();
    const jane = { sub: 'jane', groups: ['web', 'db'], jti: 'id-1' };
    expect(await authenticate(await token(jane))).toEqual({
      name: 'oidc:jane',
      groups: ['oidc:web', 'oidc:db'],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=id-1'] },
    });
    expect(await authenticate(await token(jane, { aud: ['other', audience] }))).toMatchObject({ name: 'oidc:jane' });
    expect(failures).toEqual([]);
  });

  test('by the claims and prefixes that were configured', async () => {
    const claims = { usernameClaim: 'email', groupsClaim: 'roles', usernamePrefix: '', groupsPrefix: 'idp/' };
    const { authenticate } = authenticator(claims);
    const jane = { sub: '1', email: 'jane@example.test', roles: 'web' };
    expect(await authenticate(await token(jane))).toMatchObject({ name: 'jane@example.test', groups: ['idp/web'] });
    expect(await authenticate(await token({ ...jane, email_verified: false }))).toBeUndefined();
    expect(await authenticate(await token({ ...jane, email_verified: true }))).toBeDefined();
  });

  test('cannot give what only this server gives', async () => {
    const { authenticate } = authenticator({ usernamePrefix: '', groupsPrefix: '' });
    expect(await authenticate(await token({ sub: 'system:admin' }))).toBeUndefined();
    expect(await authenticate(await token({ sub: 'jane', groups: ['system:masters', 'web', 7] }))).toMatchObject({
      groups: ['web'],
    });
  });

  test('is good by a key that the issuer published later', async () => {
    const { authenticate } = authenticator();
    expect(await authenticate(await token({ sub: 'jane' }))).toBeDefined();
    published = ['first', 'second'];
    const fresh = authenticator();
    expect(await fresh.authenticate(await token({ sub: 'jane' }, { kid: 'second' }))).toBeDefined();
  });
});

describe('a token is not good', () => {
  test.each<[string, () => Promise<string> | string]>([
    ['of another issuer', () => token({ sub: 'jane' }, { iss: 'https://elsewhere.example' })],
    ['for another audience', () => token({ sub: 'jane' }, { aud: 'other' })],
    ['that is over', () => token({ sub: 'jane' }, { expires: '1 minute ago' })],
    ['without a user', () => token({})],
    ['whose user is no text', () => token({ sub: 'jane', name: 7 })],
    ['that is unsigned', () => unsigned({ iss: issuer, aud: audience, sub: 'jane', exp: 9_999_999_999 })],
    [
      'with an unknown key',
      () => unsigned({ iss: issuer, aud: audience, sub: 'jane', exp: 9_999_999_999 }, { alg: 'ES256', kid: 'x' }),
    ],
    ['that was changed', async () => changed(await token({ sub: 'jane' }))],
    [
      'that never ends',
      () =>
        new SignJWT({ sub: 'jane' })
          .setProtectedHeader({ alg: 'ES256', kid: 'first' })
          .setIssuer(issuer)
          .setAudience(audience)
          .sign(keyOf('first').privateKey),
    ],
    ['signed with the public key as a secret', () => confused()],
    ['that is none', () => 'abcdef.0123456789abcdef'],
  ])('%s', async (what, make) => {
    const { authenticate, failures } = authenticator(what === 'whose user is no text' ? { usernameClaim: 'name' } : {});
    expect(await authenticate(await make())).toBeUndefined();
    expect(failures).toEqual([]);
  });

  function changed(text: string): string {
    const [header = '', , signature = ''] = text.split('.');
    const claims = { iss: issuer, aud: audience, sub: 'root', exp: 9_999_999_999 };
    return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
  }

  /** RFC 8725, section 2.1. */
  async function confused(): Promise<string> {
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(keyOf('first').publicKey)));
    const claims = new SignJWT({ sub: 'root' }).setProtectedHeader({ alg: 'HS256', kid: 'first' });
    return await claims.setIssuer(issuer).setAudience(audience).setExpirationTime('5m').sign(secret);
  }
});

describe('the issuer', () => {
  test('is asked about its own tokens only, and left alone after a failure', async () => {
    const { authenticate, failures } = authenticator();
    discovery = { issuer: 'https://elsewhere.example', jwks_uri: `${issuer}/keys` };
    requests = [];
    try {
      await authenticate(await token({ sub: 'jane' }, { iss: 'https://elsewhere.example' }));
      expect(requests).toEqual([]);
      for (let index = 0; index < 5; index++) {
        expect(await authenticate(await token({ sub: 'jane' }))).toBeUndefined();
      }
      expect(requests).toEqual(['/.well-known/openid-configuration']);
      expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining("another issuer's") })]);
    } finally {
      discovery = { issuer, jwks_uri: `${issuer}/keys` };
    }
  });

  test('must show a certificate of the configured authority', async () => {
    const stranger = await createCertificateAuthority({ commonName: 'stranger' });
    const { authenticate, failures } = authenticator({ ca: stranger.certificate });
    expect(await authenticate(await token({ sub: 'jane' }))).toBeUndefined();
    expect(failures).toHaveLength(1);
  });
});
