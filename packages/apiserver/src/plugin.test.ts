// The server over HTTPS, as clients meet it: what upstream answers, this one answers too.
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import {
  certificateSigningRequestResource,
  configMapResource,
  eventResource,
  leaseResource,
  machineConfigNodeResource,
  machineConfigPoolResource,
  namespaceResource,
  nodeResource,
  secretResource,
  valueAt,
} from '@varve/api';
import { createCertificateAuthority, createCertificateRequest, createKey, issueClientCertificate } from '@varve/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeRole } from './authorization/node.ts';
import { startTestServer, type TestServer } from './testing.ts';

let server: TestServer;
/** For requests with a token; a connection keeps the certificate that it began with. */
let agent: Agent;

beforeAll(async () => {
  agent = new Agent({ keepAlive: true, maxSockets: 20 });
  server = await startTestServer({
    resources: [
      certificateSigningRequestResource,
      configMapResource,
      eventResource,
      leaseResource,
      machineConfigNodeResource,
      machineConfigPoolResource,
      namespaceResource,
      nodeResource,
      secretResource,
    ],
    storeOptions: { history: { changes: 500, characters: 10_000_000 } },
    roles: (store) => [
      nodeRole({
        store,
        ownResources: ['nodes', 'machineconfignodes.machineconfiguration.openshift.io'],
        relatedResources: ['machineconfigpools.machineconfiguration.openshift.io'],
        relatedNames: (node) => new Set([`pool-of-${node}`]),
      }),
    ],
  });
});

afterAll(async () => {
  agent.destroy();
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

interface Reply {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: unknown;
}

interface Options {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly token?: string | null;
  readonly cert?: { readonly certificate: string; readonly key: string };
  readonly onLine?: (line: string, stop: () => void) => void;
}

function call(method: string, path: string, options: Options = {}): Promise<Reply> {
  const { body, type = 'application/json', headers = {}, token = options.cert ? null : server.token, cert } = options;
  const payload =
    body === undefined
      ? undefined
      : typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      `${server.url}${path}`,
      {
        method,
        ca: server.authority.certificate,
        agent: cert === undefined && options.onLine === undefined ? agent : false,
        timeout: 15_000,
        ...(cert === undefined ? {} : { cert: cert.certificate, key: cert.key }),
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(payload === undefined
            ? {}
            : { 'content-type': type, 'content-length': String(Buffer.byteLength(payload)) }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (options.onLine === undefined) return;
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) options.onLine(line, () => request.destroy());
        });
        response.on('close', () =>
          resolve({ code: response.statusCode ?? 0, headers: response.headers, text, body: parsed(text) }),
        );
        response.on('error', () => {});
      },
    );
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('timed out')));
    request.end(payload);
  });
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** Reads a watch until `count` events came. */
async function watchEvents(
  path: string,
  count: number,
  during?: () => Promise<unknown>,
): Promise<{ type: string; object: unknown }[]> {
  const events: { type: string; object: unknown }[] = [];
  const watching = call('GET', path, {
    onLine(line, stop) {
      const event = parsed(line);
      events.push({ type: String(valueAt(event, 'type')), object: valueAt(event, 'object') });
      if (events.length === count) stop();
    },
  }).catch((error: unknown) => {
    if (events.length < count) throw error;
  });
  await during?.();
  await watching;
  return events;
}

const maps = '/api/v1/namespaces/default/configmaps';
const pools = '/apis/machineconfiguration.openshift.io/v1/machineconfigpools';
const configMap = (name: string, data = {}, metadata = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const pool = (name: string, spec = {}, metadata = {}) => ({
  apiVersion: 'machineconfiguration.openshift.io/v1',
  kind: 'MachineConfigPool',
  metadata: { name, ...metadata },
  spec,
});
const meta = (reply: Reply) => valueAt(reply.body, 'metadata');
const version = (reply: Reply) => String(valueAt(reply.body, 'metadata', 'resourceVersion'));
const merge = (path: string, patch: unknown) =>
  call('PATCH', path, { body: patch, type: 'application/merge-patch+json' });

describe('answers to requests that are wrong', () => {
  const rows: [string, string, string, Options, number, string | RegExp][] = [
    ['no such resource', 'GET', '/api/v1/widgets', {}, 404, 'NotFound'],
    ['no such group', 'GET', '/apis/demo.test/v1/widgets', {}, 404, /404 page not found/],
    ['no such path', 'GET', '/nope', {}, 404, /404 page not found/],
    ['no such object', 'GET', `${maps}/zz`, {}, 404, /configmaps \\"zz\\" not found/],
    ['no such subresource', 'GET', `${maps}/zz/scale`, {}, 404, 'NotFound'],
    ['POST to a name', 'POST', `${maps}/a`, { body: configMap('a') }, 405, 'MethodNotAllowed'],
    ['POST without a namespace', 'POST', '/api/v1/configmaps', { body: configMap('a') }, 405, 'MethodNotAllowed'],
    ['OPTIONS', 'OPTIONS', '/api/v1/nodes', {}, 405, 'MethodNotAllowed'],
    ['a write to pods', 'POST', '/api/v1/namespaces/default/pods', { body: {} }, 405, 'MethodNotAllowed'],
    [
      'no such namespace',
      'POST',
      '/api/v1/namespaces/nons/configmaps',
      { body: configMap('a') },
      404,
      /namespaces \\"nons\\" not found/,
    ],
    ['broken JSON', 'POST', maps, { body: '{' }, 400, 'BadRequest'],
    ['a body that is a list', 'POST', maps, { body: '[]' }, 400, 'BadRequest'],
    ['an empty body', 'POST', maps, { body: '' }, 400, 'BadRequest'],
    ['metadata that is text', 'POST', maps, { body: { metadata: 'x' } }, 400, 'BadRequest'],
    [
      'labels that are numbers',
      'POST',
      maps,
      { body: configMap('a', {}, { labels: { a: 1 } }) },
      422,
      'metadata.labels.a',
    ],
    ['a type that nobody reads', 'POST', maps, { body: 'x', type: 'text/plain' }, 415, 'UnsupportedMediaType'],
    [
      'protobuf for a custom kind',
      'POST',
      pools,
      { body: 'k8s\0', type: 'application/vnd.kubernetes.protobuf' },
      415,
      'UnsupportedMediaType',
    ],
    [
      'damaged protobuf',
      'POST',
      maps,
      { body: 'k8s\0\xff\xff', type: 'application/vnd.kubernetes.protobuf' },
      400,
      'BadRequest',
    ],
    ['a body over 3 MiB', 'POST', maps, { body: 'x'.repeat(3 * 1024 * 1024 + 1) }, 413, 'limit is 3145728'],
    [
      'another kind',
      'POST',
      maps,
      { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } } },
      400,
      /cannot be handled as a ConfigMap/,
    ],
    [
      'another kind in a custom resource',
      'POST',
      pools,
      { body: { ...pool('a'), kind: 'X' } },
      422,
      'must be MachineConfigPool',
    ],
    [
      'another version',
      'POST',
      pools,
      { body: { ...pool('a'), apiVersion: 'x/v2' } },
      400,
      /does not match the expected API version/,
    ],
    ['no name', 'POST', maps, { body: { metadata: {} } }, 422, 'name or generateName is required'],
    [
      'a bad name',
      'POST',
      maps,
      { body: configMap('Bad_Name') },
      422,
      'a lowercase RFC 1123 subdomain must consist of',
    ],
    [
      'another namespace',
      'POST',
      maps,
      { body: configMap('a', {}, { namespace: 'x' }) },
      400,
      /does not match the namespace sent on the request/,
    ],
    [
      'a resourceVersion at birth',
      'POST',
      maps,
      { body: configMap('a', {}, { resourceVersion: '5' }) },
      400,
      /should not be set/,
    ],
    ['dryRun of a wrong kind', 'POST', `${maps}?dryRun=Some`, { body: configMap('a') }, 422, 'CreateOptions'],
    [
      'fieldValidation of a wrong kind',
      'POST',
      `${maps}?fieldValidation=x`,
      { body: configMap('a') },
      422,
      'FieldValueNotSupported',
    ],
    [
      'strict validation',
      'POST',
      `${maps}?fieldValidation=Strict`,
      { body: { ...configMap('a'), dat: 1 } },
      400,
      'unknown field \\"dat\\"',
    ],
    [
      'duplicate keys under strict validation',
      'POST',
      `${maps}?fieldValidation=Strict`,
      { body: '{"metadata":{"name":"a"},"data":{"a":"1","a":"2"}}' },
      400,
      'duplicate field \\"data.a\\"',
    ],
    ['a key that Secret forbids', 'POST', maps, { body: configMap('a', { 'no/slash': '1' }) }, 422, 'data[no/slash]'],
    [
      'protobuf alone as answer',
      'GET',
      maps,
      { headers: { accept: 'application/vnd.kubernetes.protobuf' } },
      406,
      'NotAcceptable',
    ],
    ['a limit that is no number', 'GET', `${maps}?limit=abc`, {}, 400, 'BadRequest'],
    ['a resourceVersion that is no number', 'GET', `${maps}?resourceVersion=x`, {}, 400, 'BadRequest'],
    ['a match without a version', 'GET', `${maps}?resourceVersionMatch=Exact`, {}, 422, 'ListOptions'],
    ['sendInitialEvents in a list', 'GET', `${maps}?sendInitialEvents=true`, {}, 422, 'ListOptions'],
    ['sendInitialEvents without match', 'GET', `${maps}?watch=true&sendInitialEvents=true`, {}, 422, 'ListOptions'],
    ['a bad continue token', 'GET', `${maps}?continue=xyz`, {}, 400, 'invalid continue token'],
    ['a bad label selector', 'GET', `${maps}?labelSelector=a%20b`, {}, 400, 'unable to parse requirement'],
    ['a bad field selector', 'GET', `${maps}?fieldSelector=data.x%3D1`, {}, 400, 'field label not supported: data.x'],
    ['a timeout that is none', 'GET', `${maps}?timeout=soon`, {}, 400, 'invalid duration'],
    ['a broken escape', 'GET', '/api/v1/nodes/%zz', {}, 400, /.*/],
    [
      'a patch of a type that is none',
      'PATCH',
      `${maps}/a`,
      { body: '{}' },
      415,
      'application/strategic-merge-patch+json',
    ],
    [
      'server-side apply',
      'PATCH',
      `${pools}/a`,
      { body: '{}', type: 'application/apply-patch+yaml' },
      415,
      'application/merge-patch+json',
    ],
    ['a policy that is none', 'DELETE', `${maps}/a?propagationPolicy=Later`, {}, 422, 'DeleteOptions'],
    [
      'a review without attributes',
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      { body: { spec: {} } },
      422,
      'exactly one of',
    ],
  ];
  test.each(rows)('%s', async (_name, method, path, options, code, text) => {
    const reply = await call(method, path, options);
    expect(reply.code, reply.text).toBe(code);
    if (typeof text === 'string') expect(reply.text).toContain(text);
    else expect(reply.text).toMatch(text);
    expect(reply.text).not.toMatch(/\bat .*\.ts:\d+/);
    if (reply.text.startsWith('{'))
      expect(reply.body).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code });
  });
});

describe('create', () => {
  test('gives the object its metadata and overwrites what only the server writes', async () => {
    const reply = await call('POST', maps, {
      body: configMap(
        'born',
        { a: '1' },
        { uid: 'mine', creationTimestamp: '2000-01-01T00:00:00Z', managedFields: [{ x: 1 }] },
      ),
    });
    expect(reply.code).toBe(201);
    expect(meta(reply)).toMatchObject({
      name: 'born',
      namespace: 'default',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      resourceVersion: expect.stringMatching(/^\d+$/),
      creationTimestamp: expect.stringMatching(/^20(?!00).*\d\dZ$/),
    });
    expect(reply.text).not.toContain('managedFields');
    expect(await call('POST', maps, { body: configMap('born') })).toMatchObject({
      code: 409,
      body: {
        reason: 'AlreadyExists',
        message: 'configmaps "born" already exists',
        details: { name: 'born', kind: 'configmaps' },
      },
    });
  });

  test('makes names, reads YAML, warns of unknown fields, and stores nothing in a dry run', async () => {
    const generated = await call('POST', maps, {
      body: 'metadata: {generateName: gen-}\ndata: {a: "1"}\nother: 1\n',
      type: 'application/yaml',
    });
    expect(meta(generated)).toMatchObject({ name: expect.stringMatching(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/) });
    expect(generated.headers.warning).toBe('299 - "unknown field \\"other\\""');
    const dry = await call('POST', `${maps}?dryRun=All`, { body: configMap('dry') });
    expect(dry.code).toBe(201);
    expect(meta(dry)).not.toHaveProperty('resourceVersion');
    expect((await call('GET', `${maps}/dry`)).code).toBe(404);
  });

  test('of a custom kind starts at generation 1, drops status and fills defaults', async () => {
    const reply = await call('POST', pools, {
      body: { ...pool('fresh'), spec: undefined, status: { machineCount: 3 } },
    });
    expect(reply.body).toMatchObject({ metadata: { generation: 1 }, spec: {} });
    expect(reply.body).not.toHaveProperty('status');
  });

  test('of a Secret folds stringData and never shows it', async () => {
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's1' }, stringData: { a: 'b' } };
    const reply = await call('POST', '/api/v1/namespaces/default/secrets', { body });
    expect(reply.body).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } });
    expect(reply.body).not.toHaveProperty('stringData');
  });
});

describe('update', () => {
  test('needs the latest resourceVersion when it brings one', async () => {
    const first = await call('POST', maps, { body: configMap('up', { a: '1' }) });
    const second = await call('PUT', `${maps}/up`, {
      body: configMap('up', { a: '2' }, { resourceVersion: version(first) }),
    });
    expect(second).toMatchObject({ code: 200, body: { data: { a: '2' } } });
    const stale = await call('PUT', `${maps}/up`, {
      body: configMap('up', { a: '3' }, { resourceVersion: version(first) }),
    });
    expect(stale).toMatchObject({
      code: 409,
      body: { reason: 'Conflict', details: { name: 'up', kind: 'configmaps' } },
    });
    expect((await call('PUT', `${maps}/up`, { body: configMap('up', { a: '4' }) })).code).toBe(200);
    expect((await call('PUT', `${maps}/up`, { body: configMap('up', {}, { uid: 'other' }) })).code).toBe(409);
    expect((await call('PUT', `${maps}/up`, { body: configMap('other') })).code).toBe(400);
    expect((await call('PUT', `${maps}/absent`, { body: configMap('absent') })).code).toBe(404);
  });

  test('without a change keeps the resourceVersion', async () => {
    const first = await call('POST', maps, { body: configMap('same', { a: '1' }) });
    const second = await call('PUT', `${maps}/same`, { body: configMap('same', { a: '1' }) });
    expect(version(second)).toBe(version(first));
    expect(version(await merge(`${maps}/same`, { data: { a: '1' } }))).toBe(version(first));
  });

  test('of a custom kind keeps status, generation and spec apart', async () => {
    const created = await call('POST', pools, { body: pool('gen', { paused: false }) });
    const unversioned = await call('PUT', `${pools}/gen`, { body: pool('gen') });
    expect(unversioned).toMatchObject({
      code: 422,
      body: { message: expect.stringContaining('must be specified for an update') },
    });
    const labelled = await merge(`${pools}/gen`, { metadata: { labels: { a: 'b' } }, status: { machineCount: 9 } });
    expect(labelled.body).toMatchObject({ metadata: { generation: 1 } });
    expect(labelled.body).not.toHaveProperty('status');
    const status = await merge(`${pools}/gen/status`, {
      spec: { paused: true },
      metadata: { labels: { c: 'd' } },
      status: { machineCount: 2 },
    });
    expect(status.body).toMatchObject({
      metadata: { generation: 1, labels: { a: 'b' } },
      spec: { paused: false },
      status: { machineCount: 2 },
    });
    expect(valueAt(status.body, 'metadata', 'labels')).not.toHaveProperty('c');
    const paused = await merge(`${pools}/gen`, { spec: { paused: true } });
    expect(paused.body).toMatchObject({ metadata: { generation: 2 }, status: { machineCount: 2 } });
    expect(Number(version(paused))).toBeGreaterThan(Number(version(created)));
  });

  test('creates absent Leases and Events', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'l', resourceVersion: '1' },
      spec: { holderIdentity: 'me' },
    };
    const created = await call('PUT', `${leases}/l`, { body: lease });
    expect(created.code).toBe(201);
    const renewed = {
      ...lease,
      metadata: { name: 'l', resourceVersion: version(created) },
      spec: { holderIdentity: '' },
    };
    expect((await call('PUT', `${leases}/l`, { body: renewed })).code).toBe(200);
    expect((await call('PUT', `${leases}/l`, { body: renewed })).code).toBe(409);
    expect((await call('PUT', `${leases}/l`, { body: { ...renewed, metadata: { name: 'l' } } })).code).toBe(422);
  });

  test('by patches of many at once loses none', async () => {
    await call('POST', maps, { body: configMap('busy') });
    const writes = Array.from({ length: 40 }, (_, index) => merge(`${maps}/busy`, { data: { [`k${index}`]: 'v' } }));
    expect((await Promise.all(writes)).map(({ code }) => code)).toEqual(Array.from({ length: 40 }, () => 200));
    expect(Object.keys(valueAt((await call('GET', `${maps}/busy`)).body, 'data') ?? {})).toHaveLength(40);
  });

  test('patches refuse what may not change, and take a resourceVersion as precondition', async () => {
    const created = await call('POST', maps, { body: configMap('p') });
    expect((await merge(`${maps}/p`, { metadata: { name: 'q' } })).code).toBe(400);
    expect((await merge(`${maps}/p`, { kind: 'Secret' })).code).toBe(422);
    expect((await merge(`${maps}/p`, { metadata: { uid: 'x' } })).code).toBe(409);
    expect((await merge(`${maps}/p`, { metadata: { resourceVersion: '1' } })).code).toBe(409);
    expect((await merge(`${maps}/p`, { metadata: { resourceVersion: version(created) }, data: { a: '1' } })).code).toBe(
      200,
    );
    expect((await merge(`${maps}/p?fieldValidation=Strict`, { dat: 1 })).body).toMatchObject({
      code: 422,
      details: { causes: [{ field: 'patch' }] },
    });
    expect((await merge(`${maps}/p?force=true`, {})).code).toBe(422);
    expect((await merge(`${maps}/p`, [])).code).toBe(400);
    expect((await merge(`${maps}/p?dryRun=All`, { data: { a: '9' } })).body).toMatchObject({ data: { a: '9' } });
    expect((await call('GET', `${maps}/p`)).body).toMatchObject({ data: { a: '1' } });
  });
});

describe('delete', () => {
  test('answers with a Status, honours preconditions and dry run', async () => {
    const created = await call('POST', maps, { body: configMap('gone') });
    const uid = String(valueAt(created.body, 'metadata', 'uid'));
    expect((await call('DELETE', `${maps}/gone`, { body: { preconditions: { uid: 'x' } } })).code).toBe(409);
    expect((await call('DELETE', `${maps}/gone?dryRun=All`)).code).toBe(200);
    expect(
      await call('DELETE', `${maps}/gone`, { body: { kind: 'DeleteOptions', preconditions: { uid } } }),
    ).toMatchObject({
      code: 200,
      body: { kind: 'Status', status: 'Success', details: { name: 'gone', kind: 'configmaps', uid } },
    });
    expect((await call('DELETE', `${maps}/gone`)).code).toBe(404);
  });

  test('waits for finalizers', async () => {
    await call('POST', pools, { body: pool('fin', {}, { finalizers: ['varve.dev/x'] }) });
    const dying = await call('DELETE', `${pools}/fin`);
    expect(dying).toMatchObject({
      code: 200,
      body: { metadata: { deletionTimestamp: expect.any(String), generation: 2 } },
    });
    expect(version(await call('DELETE', `${pools}/fin`))).toBe(version(dying));
    expect((await merge(`${pools}/fin`, { metadata: { finalizers: ['varve.dev/x', 'varve.dev/y'] } })).code).toBe(422);
    expect(await call('POST', pools, { body: pool('fin') })).toMatchObject({
      code: 409,
      body: { message: expect.stringContaining('object is being deleted') },
    });
    expect((await merge(`${pools}/fin`, { metadata: { finalizers: null } })).code).toBe(200);
    expect((await call('GET', `${pools}/fin`)).code).toBe(404);
  });

  test('of a collection takes what the selector selects', async () => {
    for (const name of ['c1', 'c2', 'c3']) {
      await call('POST', maps, {
        body: configMap(name, {}, { labels: { set: name === 'c3' ? 'b' : 'a', all: 'yes' } }),
      });
    }
    const removed = await call('DELETE', `${maps}?labelSelector=set%3Da`);
    expect(valueAt(removed.body, 'items')).toHaveLength(2);
    expect(valueAt((await call('GET', `${maps}?labelSelector=all`)).body, 'items')).toHaveLength(1);
  });

  test('of an owner takes its dependents along, or not', async () => {
    const exists = async (name: string) => (await call('GET', `${maps}/${name}`)).code === 200;
    const owned = async (policy: string) => {
      const owner = await call('POST', pools, { body: pool(`owner-${policy}`) });
      const reference = {
        apiVersion: pool('').apiVersion,
        kind: 'MachineConfigPool',
        name: `owner-${policy}`,
        uid: valueAt(owner.body, 'metadata', 'uid'),
      };
      await call('POST', maps, { body: configMap(`owned-${policy}`, {}, { ownerReferences: [reference] }) });
      await call(
        'DELETE',
        `${pools}/owner-${policy}?propagationPolicy=${policy === 'bg' ? 'Background' : policy === 'fg' ? 'Foreground' : 'Orphan'}`,
      );
      return `owned-${policy}`;
    };
    const [background, foreground, orphan] = [await owned('bg'), await owned('fg'), await owned('or')];
    await expect.poll(() => exists(background), { timeout: 5000 }).toBe(false);
    expect(await exists(foreground)).toBe(false);
    expect((await call('GET', `${maps}/${orphan}`)).body).not.toHaveProperty('metadata.ownerReferences');
    const ghost = { apiVersion: 'v1', kind: 'ConfigMap', name: 'ghost', uid: 'never-was' };
    await call('POST', maps, { body: configMap('haunted', {}, { ownerReferences: [ghost] }) });
    await expect.poll(() => exists('haunted'), { timeout: 5000 }).toBe(false);
    const unknown = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x', uid: 'y' };
    await call('POST', maps, { body: configMap('foreign', {}, { ownerReferences: [unknown] }) });
    expect(await exists('foreign')).toBe(true);
  });

  test('of a namespace empties it and then removes it', async () => {
    await call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'team' } } });
    await call('POST', '/api/v1/namespaces/team/configmaps', {
      body: configMap('held', {}, { finalizers: ['varve.dev/x'] }),
    });
    expect((await call('DELETE', '/api/v1/namespaces/team')).body).toMatchObject({ status: { phase: 'Terminating' } });
    expect(await call('POST', '/api/v1/namespaces/team/configmaps', { body: configMap('late') })).toMatchObject({
      code: 403,
      body: { details: { causes: [{ reason: 'NamespaceTerminating' }] } },
    });
    expect((await call('GET', '/api/v1/namespaces/team')).code).toBe(200);
    await merge('/api/v1/namespaces/team/configmaps/held', { metadata: { finalizers: null } });
    await expect.poll(async () => (await call('GET', '/api/v1/namespaces/team')).code, { timeout: 5000 }).toBe(404);
    expect((await call('DELETE', '/api/v1/namespaces/kube-system')).code).toBe(403);
  });
});

describe('lists', () => {
  test('come in pages of one moment', async () => {
    const path = '/api/v1/namespaces/paging/configmaps';
    await call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'paging' } } });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await call('POST', path, { body: configMap(name) });
    const first = await call('GET', `${path}?limit=2`);
    expect(meta(first)).toMatchObject({ remainingItemCount: 3, continue: expect.any(String) });
    await call('DELETE', `${path}/c`);
    await call('POST', path, { body: configMap('bb') });
    await merge(`${path}/d`, { data: { late: 'yes' } });
    const rest = await call('GET', `${path}?limit=500&continue=${String(valueAt(first.body, 'metadata', 'continue'))}`);
    expect(version(rest)).toBe(version(first));
    const items = valueAt(rest.body, 'items');
    expect(
      Array.isArray(items)
        ? items.map((item) => [valueAt(item, 'metadata', 'name'), valueAt(item, 'data', 'late')])
        : items,
    ).toEqual([
      ['c', undefined],
      ['d', undefined],
      ['e', undefined],
    ]);
    const exact = await call('GET', `${path}?resourceVersion=${version(first)}&resourceVersionMatch=Exact`);
    expect(valueAt(exact.body, 'items')).toHaveLength(5);
    expect((await call('GET', `${path}?resourceVersion=5&continue=x`)).code).toBe(400);
  });

  test('of the future time out with the cause that reflectors know', async () => {
    const reply = await call('GET', `${maps}?resourceVersion=99999999`);
    expect(reply).toMatchObject({
      code: 504,
      body: { reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
    });
    expect(reply.headers['retry-after']).toBe('1');
  });

  test('are tables, metadata or YAML on demand, and compressed when large', async () => {
    const table = await call('GET', '/api/v1/namespaces?includeObject=None', {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table.body).toMatchObject({
      kind: 'Table',
      rows: expect.arrayContaining([{ cells: ['default', 'Active', expect.any(String)], object: null }]),
    });
    const partial = await call('GET', '/api/v1/namespaces', {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' },
    });
    expect(partial.body).toMatchObject({ kind: 'PartialObjectMetadataList' });
    expect(partial.text).not.toContain('Active');
    const yaml = await call('GET', '/api/v1/namespaces/default', { headers: { accept: 'application/yaml' } });
    expect(yaml.text).toContain('kind: Namespace\n');
    await call('POST', maps, { body: configMap('large', { a: 'x'.repeat(200_000) }) });
    const packed = await call('GET', `${maps}/large`, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(Number(packed.headers['content-length'])).toBeLessThan(10_000);
    await call('DELETE', `${maps}/large`);
  });
});

describe('watches', () => {
  test('tell of objects that enter and leave the selection', async () => {
    const from = version(await call('GET', maps));
    const events = await watchEvents(
      `${maps}?watch=true&resourceVersion=${from}&labelSelector=w%3Dyes`,
      3,
      async () => {
        await call('POST', maps, { body: configMap('w1') });
        await merge(`${maps}/w1`, { metadata: { labels: { w: 'yes' } } });
        await merge(`${maps}/w1`, { data: { a: '1' } });
        await merge(`${maps}/w1`, { metadata: { labels: null } });
        await call('DELETE', `${maps}/w1`);
      },
    );
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  });

  test('send their headers before the first event', async () => {
    const path = `${maps}?watch=true&fieldSelector=metadata.name%3Dnever&timeoutSeconds=1`;
    const started = Date.now();
    const reply = await call('GET', path);
    expect(reply).toMatchObject({ code: 200, text: '' });
    expect(Date.now() - started).toBeGreaterThan(800);
  });

  test('begin with what exists, and mark its end', async () => {
    await call('POST', maps, { body: configMap('stream') });
    const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const events = await watchEvents(`${maps}?${query}&fieldSelector=metadata.name%3Dstream`, 3, async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      await call('DELETE', `${maps}/stream`);
    });
    expect(events).toMatchObject([
      { type: 'ADDED', object: { kind: 'ConfigMap', metadata: { name: 'stream' } } },
      {
        type: 'BOOKMARK',
        object: { kind: 'ConfigMap', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
      },
      { type: 'DELETED', object: { metadata: { name: 'stream' } } },
    ]);
  });

  test('resume where a client stopped, or say that it is too late', async () => {
    const from = version(await call('POST', maps, { body: configMap('resume') }));
    await merge(`${maps}/resume`, { data: { a: '1' } });
    await call('DELETE', `${maps}/resume`);
    const missed = await watchEvents(`${maps}?watch=true&resourceVersion=${from}`, 2);
    expect(missed.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED']);
    const key = { resource: 'configmaps', namespace: 'default', name: 'busy' };
    await server.store.write((transaction) => {
      const busy = transaction.get(key)?.object;
      for (let index = 0; index < 600 && busy !== undefined; index++) transaction.put(key, busy);
    });
    const [late] = await watchEvents(`${maps}?watch=true&resourceVersion=${from}`, 1);
    expect(late).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
    expect((await call('GET', `${maps}?resourceVersion=${from}&resourceVersionMatch=Exact`)).code).toBe(410);
  });

  test('are tables on demand: the columns come once', async () => {
    const events: unknown[] = [];
    await call('GET', '/api/v1/namespaces?watch=true&resourceVersion=0', {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      onLine(line, stop) {
        events.push(valueAt(parsed(line), 'object'));
        if (events.length === 2) stop();
      },
    });
    expect(events.slice(0, 2)).toMatchObject([
      { kind: 'Table', columnDefinitions: expect.any(Array), rows: [{}] },
      { kind: 'Table', columnDefinitions: null },
    ]);
  });
});

describe('who may do what', () => {
  const client = (commonName: string, organizations: string[]) =>
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
      request: Buffer.from(await createCertificateRequest({ commonName, organizations, key: createKey() })).toString(
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
    const cert = await client('system:node:h1', ['system:nodes']);
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
    const rows: [string, string, Options, number][] = [
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
    expect((await call('GET', '/api/v1/nodes/h1', { cert: await client('system:node:h1', []) })).code).toBe(403);
  });

  test('acting as another needs the right to it', async () => {
    const as = (headers: Record<string, string>) => call('GET', '/api/v1/nodes', { headers });
    expect(await as({ 'impersonate-user': 'bob' })).toMatchObject({
      code: 403,
      body: { message: expect.stringContaining('User "bob" cannot list') },
    });
    expect((await as({ 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' })).code).toBe(200);
    expect((await as({ 'impersonate-group': 'system:masters' })).code).toBe(400);
    const cert = await client('system:node:h1', ['system:nodes']);
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
});

describe('discovery and OpenAPI', () => {
  test('are revalidated by entity tag', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const first = await call('GET', '/apis', { headers: { accept } });
    expect(first.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    const again = await call('GET', '/apis', { headers: { accept, 'if-none-match': String(first.headers.etag) } });
    expect(again).toMatchObject({ code: 304, text: '' });
    expect(again.headers['content-type']).toBeUndefined();
    expect((await call('GET', '/api/v1')).body).toMatchObject({ kind: 'APIResourceList', groupVersion: 'v1' });
  });

  test('documents have a URL by their hash, and describe every kind whole', async () => {
    const index = await call('GET', '/openapi/v3');
    const url = String(valueAt(index.body, 'paths', 'api/v1', 'serverRelativeURL'));
    const document = await call('GET', url);
    expect(document.headers['cache-control']).toBe('public, immutable');
    expect((await call('GET', '/openapi/v3/api/v1?hash=old')).headers.location).toBe(url);
    const node = valueAt(document.body, 'components', 'schemas', 'io.k8s.api.core.v1.Node');
    expect(node).toMatchObject({
      'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'Node' }],
      properties: { status: { properties: { conditions: { 'x-kubernetes-patch-merge-key': 'type' } } } },
    });
    const patch = valueAt(document.body, 'paths', '/api/v1/nodes/{name}', 'patch');
    expect(patch).toMatchObject({
      'x-kubernetes-group-version-kind': { kind: 'Node' },
      parameters: expect.arrayContaining([expect.objectContaining({ name: 'fieldValidation' })]),
    });
    expect((await call('GET', '/openapi/v3/apis/nope/v1')).code).toBe(404);
  });
});
