import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../time.ts';
import { parseJsonBody, parseObjectBody } from './body.ts';
import { duplicateKeys } from './json-scan.ts';
import { negotiate, wantsAggregatedDiscovery } from './negotiate.ts';
import { requestInfo } from './request-info.ts';

describe('a URL', () => {
  test.each([
    ['GET', '/api/v1/nodes', { verb: 'list', group: '', version: 'v1', resource: 'nodes', name: '', namespace: '' }],
    ['GET', '/api/v1/nodes/', { verb: 'list', resource: 'nodes' }],
    ['GET', '/api/v1/nodes?watch=true', { verb: 'watch' }],
    ['GET', '/api/v1/nodes/a?watch=1', { verb: 'get', name: 'a' }],
    ['GET', '/api/v1/watch/nodes/a', { verb: 'watch', resource: 'nodes', name: 'a' }],
    ['GET', '/api/v1/namespaces/x', { verb: 'get', resource: 'namespaces', name: 'x', namespace: 'x' }],
    [
      'PUT',
      '/api/v1/namespaces/x/status',
      { verb: 'update', resource: 'namespaces', name: 'x', subresource: 'status' },
    ],
    ['POST', '/api/v1/namespaces/x/secrets', { verb: 'create', resource: 'secrets', namespace: 'x', name: '' }],
    [
      'DELETE',
      '/apis/g.io/v1/namespaces/x/things/a',
      { verb: 'delete', group: 'g.io', resource: 'things', name: 'a', namespace: 'x' },
    ],
    ['DELETE', '/apis/g.io/v1/things', { verb: 'deletecollection' }],
    ['PATCH', '/apis/g.io/v1/things/a%2Db/status', { verb: 'patch', name: 'a-b', subresource: 'status' }],
    ['GET', '/api/v1', { kind: 'path', verb: 'get' }],
    ['GET', '/apis/g.io/v1', { kind: 'path' }],
    ['OPTIONS', '/api/v1/nodes', { kind: 'path', verb: 'options' }],
    ['GET', '/api/v1/nodes/a/b/c', { kind: 'path' }],
  ])('%s %s', (method, url, expected) => {
    const [path = '', search = ''] = url.split('?');
    expect(requestInfo(method, path, new URLSearchParams(search))).toMatchObject(expected);
  });

  test('with a broken escape is refused', () => {
    expect(() => requestInfo('GET', '/api/v1/nodes/%zz', new URLSearchParams())).toThrow(/not a valid URL/);
  });
});

describe('negotiation', () => {
  const table =
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
  test.each([
    [undefined, false, { format: 'json', transform: 'none' }],
    ['*/*', false, { format: 'json', transform: 'none' }],
    ['application/json;charset=utf-8', false, { format: 'json', transform: 'none' }],
    ['application/yaml', false, { format: 'yaml' }],
    [table, true, { transform: 'Table', version: 'v1' }],
    ['application/vnd.kubernetes.protobuf,application/json', true, { format: 'json', transform: 'none' }],
    ['application/cbor,application/json', true, { format: 'json' }],
    [
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      true,
      { transform: 'PartialObjectMetadataList' },
    ],
    ['application/json;as=Table;v=v2;g=meta.k8s.io,application/json', true, { transform: 'none' }],
  ])('%s for a list: %s', (accept, list, expected) => {
    expect(negotiate(accept, list)).toMatchObject(expected);
  });

  test.each([
    ['application/vnd.kubernetes.protobuf', false],
    ['application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1', true],
    ['application/json;as=Table;v=v2;g=meta.k8s.io', true],
  ])('%s is not acceptable', (accept, list) => {
    expect(() => negotiate(accept, list)).toThrow(expect.objectContaining({ code: 406 }));
  });

  test('aggregated discovery is asked for in any order of parameters', () => {
    expect(
      wantsAggregatedDiscovery('application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io,application/json'),
    ).toBe(true);
    expect(
      wantsAggregatedDiscovery(
        'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json',
      ),
    ).toBe(false);
    expect(wantsAggregatedDiscovery('application/json')).toBe(false);
  });
});

describe('a body', () => {
  const body = (text: string, type?: string) => parseObjectBody(type, Buffer.from(text), false);

  test('is JSON or YAML', () => {
    expect(body('{"a":1}').value).toEqual({ a: 1 });
    expect(body('a: 1\nb: 2026-01-01\n', 'application/yaml; charset=utf-8').value).toEqual({ a: 1, b: '2026-01-01' });
  });

  test.each([
    ['', 'application/json', 400],
    ['[1]', 'application/json', 400],
    ['{"__proto__":{"x":1}}', 'application/json', 400],
    ['{"a":{"\\u005f_proto__":1}}', 'application/json', 400],
    [`${'{"a":'.repeat(300)}1${'}'.repeat(300)}`, 'application/json', 400],
    ['['.repeat(1_000_000), 'application/json', 400],
    ['a: &x [1]\nb: *x', 'application/yaml', 400],
    ['a: 1\na: 2', 'application/yaml', 400],
    ['{}', 'text/plain', 415],
    ['k8s', 'application/vnd.kubernetes.protobuf', 400],
  ])('%#: is refused', (text, type, code) => {
    expect(() => body(text, type)).toThrow(expect.objectContaining({ code }));
  });

  test('that is not UTF-8 is refused', () => {
    expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/UTF-8/);
  });

  test('tells its duplicate keys by path', () => {
    const text = '{"data":{"a":1,"a":2,"b":"}{\\"a\\":1"},"l":[{"x":1},{"x":1,"y":[],"x":2}],"data":3}';
    expect(duplicateKeys(text)).toEqual(['data.a', 'l[1].x', 'data']);
  });

  test('made by JSON.stringify has no duplicates', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(duplicateKeys(JSON.stringify(value))).toEqual([]);
      }),
    );
  });
});

test.each([
  ['1m30s', 90_000],
  ['500ms', 500],
  ['1.5h', 5_400_000],
  ['0', 0],
])('the duration %s is %d ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each(['', '5', 'abc', '-1s', '1m30'])('%s is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 400 }));
});
