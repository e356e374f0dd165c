// Discovery and OpenAPI over HTTPS.
import { valueAt } from '@varve/api';
import { afterAll, describe, expect, test } from 'vitest';
import { startTestClient } from './test-client.ts';

const client = await startTestClient();
const { call } = client;

afterAll(() => client.close());

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
