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

  test('of version 2 are one document, as JSON and as protobuf', async () => {
    const { body } = await call('GET', '/openapi/v2');
    expect(valueAt(body, 'definitions', 'io.k8s.api.core.v1.Node')).toMatchObject({
      'x-kubernetes-group-version-kind': [{ kind: 'Node' }],
      properties: { metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } },
    });
    const pool = 'io.openshift.machineconfiguration.v1.MachineConfigPool';
    const spec = valueAt(body, 'definitions', pool, 'properties', 'spec', 'properties');
    expect(spec).toMatchObject({
      maxUnavailable: { type: 'string', format: 'int-or-string' },
      nodeSelector: { 'x-kubernetes-map-type': 'atomic' },
    });
    const path = '/apis/machineconfiguration.openshift.io/v1/machineconfigpools/{name}';
    expect(valueAt(body, 'paths', path, 'patch')).toMatchObject({
      consumes: ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'],
      parameters: expect.arrayContaining([expect.objectContaining({ name: 'fieldValidation', type: 'string' })]),
    });
    expect(JSON.stringify(body)).not.toContain('#/components/');
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    const encoded = await call('GET', '/openapi/v2', { headers: { accept } });
    expect(encoded.headers['content-type']).toBe(accept.replace('@', '.'));
    expect(encoded.text.slice(0, 5)).toBe('\n\x032.0');
    const again = await call('GET', '/openapi/v2', {
      headers: { accept, 'if-none-match': String(encoded.headers.etag) },
    });
    expect(again).toMatchObject({ code: 304, text: '' });
    expect((await call('GET', '/openapi/v2', { headers: { accept: 'text/html' } })).code).toBe(406);
  });
});
