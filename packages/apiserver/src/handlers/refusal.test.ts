// Requests that are wrong: each is answered with the Status that clients know from upstream.
import { afterAll, describe, expect, test } from 'vitest';
import { type CallOptions, configMap, maps, pool, pools, startTestClient } from '../test-client.ts';

const client = await startTestClient();
const { call } = client;

afterAll(() => client.close());

describe('an object that grows', () => {
  test('is refused the patch that would make it longer than a request may be', async () => {
    const path = `${pools}/grown`;
    await call('POST', pools, { body: pool('grown') });
    const long = 'x'.repeat(4000);
    const rules = Array.from({ length: 256 }, (_, index) => ({ path: `/${index}${long}`, action: 'Ignore' }));
    expect((await client.merge(path, { spec: { driftPolicy: rules } })).code).toBe(200);
    const resolved = Array.from({ length: 700 }, (_, index) => ({
      reference: `${index}`,
      digest: long,
      resolvedAt: '',
    }));
    expect((await client.merge(`${path}/status`, { status: { resolvedImages: resolved } })).code).toBe(413);
    expect((await call('GET', path)).body).not.toHaveProperty('status');
  });
});

describe('answers to requests that are wrong', () => {
  const rows: [string, string, string, CallOptions, number, string | RegExp][] = [
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
      400,
      'ConfigMap.metadata.labels',
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
    ['a bad field selector', 'GET', `${maps}?fieldSelector=data.x%3D1`, {}, 400, 'is not a known field selector'],
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
      'an apply without a field manager',
      'PATCH',
      `${pools}/a`,
      { body: '{}', type: 'application/apply-patch+yaml' },
      422,
      'fieldManager: Required value: is required for apply patch',
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
