// Who may do what: anonymous users, joining hosts, hosts, administrators.
import { createCertificateAuthority, createCertificateRequest, createKey, issueClientCertificate } from '@varve/kube';
import { afterAll, describe, expect, test } from 'vitest';
import { type CallOptions, maps, pool, pools, startTestClient } from '../test-client.ts';

const client = await startTestClient();
const { call, server } = client;

afterAll(() => client.close());

describe('who may do what', () => {
  const certificateOf = (commonName: string, organizations: string[]) =>
    issueClientCertificate(server.authority, { commonName, organizations });
  const bootstrapSecret = (id: string, secret: string, more: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': id, 'token-secret': secret, 'usage-bootstrap-authentication': 'true', ...more },
  });
  const csr = async (
    name: string,
    commonName: string,
    organizations: string[],
    signerName = 'kubernetes.io/kube-apiserver-client-kubelet',
  ) => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(createCertificateRequest({ commonName, organizations, key: createKey() })).toString(
        'base64',
      ),
      signerName,
      usages: ['client auth'],
      username: 'forged',
      groups: ['system:masters'],
    },
  });
  const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

  test('anonymous users see health and version only', async () => {
    for (const path of ['/healthz', '/livez', '/readyz', '/version'])
      expect((await call('GET', path, { token: null })).code).toBe(200);
    expect(await call('GET', '/api', { token: null })).toMatchObject({
      code: 403,
      body: { message: 'forbidden: User "system:anonymous" cannot get path "/api"' },
    });
    expect((await call('GET', '/readyz?verbose', { token: null })).text).toContain('[+]ping ok');
  });

  test('wrong credentials are 401, even for what anonymous users may see', async () => {
    expect(await call('GET', '/version', { token: 'wrong' })).toMatchObject({
      code: 401,
      body: { reason: 'Unauthorized' },
    });
    const stranger = await createCertificateAuthority({ commonName: 'stranger' });
    const cert = await issueClientCertificate(stranger, { commonName: 'admin', organizations: ['system:masters'] });
    expect((await call('GET', '/api/v1/nodes', { cert })).code).toBe(401);
    expect((await call('GET', '/api/v1/nodes', { token: null, headers: { authorization: 'Basic eDp5' } })).code).toBe(
      401,
    );
  });

  test('a bootstrap token may ask for a host certificate, and nothing else', async () => {
    const secrets = '/api/v1/namespaces/kube-system/secrets';
    const soon = new Date(Date.now() + 60_000).toISOString();
    await call('POST', secrets, { body: bootstrapSecret('abcdef', '0123456789abcdef', { expiration: soon }) });
    await call('POST', secrets, {
      body: bootstrapSecret('expire', '0123456789abcdef', { expiration: '2020-01-01T00:00:00Z' }),
    });
    await call('POST', secrets, {
      body: bootstrapSecret('unused', '0123456789abcdef', { 'usage-bootstrap-authentication': 'false' }),
    });
    const token = 'abcdef.0123456789abcdef';
    for (const bad of [
      'abcdef.0123456789abcdeX',
      'abcdef.0123456789abcdee',
      'expire.0123456789abcdef',
      'unused.0123456789abcdef',
      'nobody.0123456789abcdef',
    ]) {
      expect((await call('GET', '/api', { token: bad })).code, bad).toBe(401);
    }
    const created = await call('POST', requests, {
      token,
      body: await csr('join-1', 'system:node:h1', ['system:nodes']),
    });
    expect(created).toMatchObject({
      code: 201,
      body: { spec: { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] } },
    });
    expect((await call('GET', `${requests}/join-1`, { token })).code).toBe(200);
    expect((await call('GET', requests, { token })).code).toBe(403);
    await call('POST', requests, { body: await csr('other', 'system:node:h9', ['system:nodes']) });
    expect((await call('GET', `${requests}/other`, { token })).code).toBe(403);
    for (const [name, body] of Object.entries({
      masters: await csr('m', 'system:node:h1', ['system:masters']),
      person: await csr('p', 'jane', ['system:nodes']),
      both: await csr('b', 'system:node:h1', ['system:nodes', 'system:masters']),
      signer: await csr('s', 'system:node:h1', ['system:nodes'], 'kubernetes.io/kube-apiserver-client'),
    })) {
      expect((await call('POST', requests, { token, body })).code, name).toBe(403);
    }
    expect((await call('PUT', `${requests}/join-1/approval`, { token, body: created.body })).code).toBe(403);
    expect((await call('GET', '/api/v1/nodes', { token })).code).toBe(403);
    expect((await call('GET', `${secrets}/bootstrap-token-abcdef`, { token })).code).toBe(403);
  });

  test('a host touches its own objects only', async () => {
    const cert = await certificateOf('system:node:h1', ['system:nodes']);
    for (const name of ['h1', 'h2']) {
      await call('POST', '/api/v1/nodes', { body: { metadata: { name } } });
      await call('POST', pools, { body: pool(`pool-of-${name}`) });
    }
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const lease = (name: string) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name },
      spec: { holderIdentity: name },
    });
    const event = (name: string) => ({
      metadata: { generateName: 'e' },
      involvedObject: { kind: 'Node', name },
      reason: 'X',
    });
    const events = '/api/v1/namespaces/default/events';
    const status = { body: { status: { phase: 'Running' } }, type: 'application/merge-patch+json' };
    const watching = '?watch=true&timeoutSeconds=1&resourceVersion=0';
    const rows: [string, string, CallOptions, number][] = [
      ['GET', '/api/v1/nodes/h1', {}, 200],
      ['GET', '/api/v1/nodes/h2', {}, 403],
      ['GET', '/api/v1/nodes', {}, 403],
      ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dh1', {}, 200],
      ['GET', `/api/v1/nodes${watching}&fieldSelector=metadata.name%3Dh1`, {}, 200],
      ['GET', `/api/v1/nodes${watching}&fieldSelector=metadata.name%3Dh2`, {}, 403],
      ['GET', `/api/v1/nodes${watching}`, {}, 403],
      ['GET', '/api/v1/nodes?fieldSelector=metadata.name%21%3Dh1', {}, 403],
      ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dh1&fieldSelector=metadata.name%3Dh2', {}, 200],
      ['PATCH', '/api/v1/nodes/h1/status', status, 200],
      ['PATCH', '/api/v1/nodes/h2/status', status, 403],
      ['PATCH', '/api/v1/nodes/h1', { ...status, body: { metadata: { labels: { a: 'b' } } } }, 403],
      ['DELETE', '/api/v1/nodes/h1', {}, 403],
      ['POST', '/api/v1/nodes', { body: { metadata: { name: 'h3' } } }, 403],
      ['GET', `${pools}/pool-of-h1`, {}, 200],
      ['GET', `${pools}/pool-of-h2`, {}, 403],
      ['GET', pools, {}, 403],
      ['GET', '/api/v1/namespaces/kube-system/secrets', {}, 403],
      ['GET', '/api/v1/namespaces/kube-public/configmaps/absent', {}, 404],
      ['GET', '/api/v1/namespaces/kube-public/configmaps', {}, 403],
      ['GET', '/api/v1/namespaces/kube-public/secrets/absent', {}, 403],
      ['GET', '/api/v1/namespaces/default/configmaps/absent', {}, 403],
      ['POST', leases, { body: lease('h1') }, 201],
      ['POST', leases, { body: lease('h2') }, 403],
      ['PUT', `${leases}/h2`, { body: lease('h2') }, 403],
      ['POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', { body: lease('h1') }, 403],
      ['POST', events, { body: event('h1') }, 201],
      ['POST', events, { body: event('h2') }, 403],
      ['POST', requests, { body: await csr('renew', 'system:node:h1', ['system:nodes']) }, 201],
      ['POST', requests, { body: await csr('steal', 'system:node:h2', ['system:nodes']) }, 403],
      ['GET', `${requests}/renew`, {}, 200],
      ['GET', `${requests}/join-1`, {}, 403],
      ['GET', '/api', {}, 200],
    ];
    for (const [method, path, options, code] of rows) {
      const reply = await call(method, path, { ...options, cert });
      expect(reply.code, `${method} ${path} ${reply.text}`).toBe(code);
    }
    expect((await call('GET', '/api/v1/nodes/h1', { cert: await certificateOf('system:node:h1', []) })).code).toBe(403);
  });

  test('acting as another needs the right to it', async () => {
    const as = (headers: Record<string, string>) => call('GET', '/api/v1/nodes', { headers });
    expect(await as({ 'impersonate-user': 'bob' })).toMatchObject({
      code: 403,
      body: { message: expect.stringContaining('User "bob" cannot list') },
    });
    expect((await as({ 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' })).code).toBe(200);
    expect((await as({ 'impersonate-group': 'system:masters' })).code).toBe(400);
    const cert = await certificateOf('system:node:h1', ['system:nodes']);
    const node = await call('GET', '/api/v1/nodes', {
      cert,
      headers: { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' },
    });
    expect(node.code).toBe(403);
  });

  test('writes and reads of secrets are audited, without their content', async () => {
    const before = server.auditEvents.length;
    await call('GET', '/api/v1/namespaces/default/secrets', { headers: { 'audit-id': 'my-id' } });
    await call('GET', maps);
    const events = server.auditEvents.slice(before);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      auditID: 'my-id',
      verb: 'list',
      user: { username: 'admin' },
      objectRef: { resource: 'secrets' },
      responseStatus: { code: 200 },
    });
    expect(JSON.stringify(server.auditEvents)).not.toContain('Yg==');
  });

  test.each([
    ['bearer', { authorization: 'Bearer nobody' }, 'Authentication failed, attempted: bearer'],
    ['basic', { authorization: 'Basic YTpi' }, 'Authentication failed, attempted: basic'],
    ['else', { authorization: 'whatever' }, 'Authentication failed, no credentials provided'],
  ])('a refused credential is audited, whatever it was for: %s', async (name, headers, message) => {
    const before = server.auditEvents.length;
    const refused = await call('GET', maps, { token: null, headers: { ...headers, 'audit-id': name } });
    expect(refused.code).toBe(401);
    const events = server.auditEvents.slice(before);
    expect(events).toMatchObject([
      { auditID: name, stage: 'ResponseStarted', verb: 'list', user: {}, responseStatus: { code: 401, message } },
    ]);
    expect(events[0]).toHaveProperty('objectRef.resource', 'configmaps');
    expect(events[0]).not.toHaveProperty('annotations');
    expect(JSON.stringify(events)).not.toMatch(/nobody|YTpi/);
  });

  test('so is a certificate by a stranger', async () => {
    const stranger = await createCertificateAuthority({ commonName: 'varve-test' });
    const cert = await issueClientCertificate(stranger, { commonName: 'admin', organizations: ['system:masters'] });
    const before = server.auditEvents.length;
    expect((await call('GET', '/readyz', { token: null, cert })).code).toBe(401);
    expect(server.auditEvents.slice(before)).toMatchObject([
      { stage: 'ResponseStarted', responseStatus: { message: 'Authentication failed, attempted: x509' } },
    ]);
  });
});
