// A whole control plane with an issuer of tokens: who comes with one may do what the grants say.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineConfigPoolResource, secretResource } from '@varve/api';
import { createCertificateAuthority, issueServerCertificate, KubeClient, loadKubeconfig } from '@varve/kube';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningServer, startServer } from './start.ts';

const cleanup = new AsyncDisposableStack();
let server: RunningServer;
let directory: string;
let issuer: string;
let key: KeyObject;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-start-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const authority = await createCertificateAuthority({ commonName: 'issuer' });
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  key = pair.privateKey;
  const serving = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
  const identityProvider = createServer({ cert: serving.certificate, key: serving.key }, (request, response) => {
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' };
    const isKeys = request.url === '/keys';
    response.end(JSON.stringify(isKeys ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
  });
  issuer = `https://127.0.0.1:${await listen(identityProvider)}`;
  const { signal } = new AbortController();
  server = cleanup.use(
    await startServer({
      stateDirectory: join(directory, 'state'),
      listen: { host: '127.0.0.1', port: 0 },
      hostnames: [],
      oidc: { issuer, audiences: ['varve'], ca: authority.certificate },
      grants: { operator: ['oidc:platform'] },
      logger: pino({ level: 'silent' }),
      signal,
    }),
  );
});

afterAll(() => cleanup.disposeAsync());

async function listen(identityProvider: Server): Promise<number> {
  identityProvider.listen(0, '127.0.0.1');
  await once(identityProvider, 'listening');
  cleanup.defer(() => {
    identityProvider.closeAllConnections();
    identityProvider.close();
  });
  const address = identityProvider.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** RFC 7515, compact serialization. */
function tokenOf(claims: object): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: issuer, aud: 'varve', iat: now, exp: now + 300, ...claims };
  const text = [{ alg: 'ES256', kid: 'k' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

async function connect(token: string): Promise<KubeClient> {
  const { server: address, ca } = await loadKubeconfig(server.kubeconfigPath);
  return new KubeClient({ server: address, ...(ca === undefined ? {} : { ca }), token });
}

describe('who comes with a token of the issuer', () => {
  test('has the role of its group, and is named in the audit log', async () => {
    await using client = await connect(tokenOf({ sub: 'jane', groups: ['platform'] }));
    const pool = {
      apiVersion: 'machineconfiguration.openshift.io/v1',
      kind: 'MachineConfigPool',
      metadata: { name: 'web' },
      spec: {},
    };
    await client.create(machineConfigPoolResource, pool);
    await expect(client.list(secretResource, { namespace: 'kube-system' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('oidc:jane'),
    });
    const log = await readFile(join(directory, 'state/audit.log'), 'utf8');
    const events: unknown[] = log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const mine = events.filter((event) => JSON.stringify(event).includes('oidc:jane'));
    expect(mine).toMatchObject([
      { verb: 'create', user: { username: 'oidc:jane' }, responseStatus: { code: 201 } },
      { verb: 'list', objectRef: { resource: 'secrets' }, responseStatus: { code: 403 } },
    ]);
  });

  test('has none without a group that has one, and is nobody with a forged token', async () => {
    await using client = await connect(tokenOf({ sub: 'john', groups: ['guests', 'system:masters'] }));
    await expect(client.list(machineConfigPoolResource)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const forged = tokenOf({ sub: 'jane', groups: ['platform'] }).replace(/[^.]+$/, (text) =>
      createHash('sha512').update(text).digest('base64url').slice(0, 86),
    );
    await using stranger = await connect(forged);
    await expect(stranger.list(machineConfigPoolResource)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});
