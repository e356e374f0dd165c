// Whatever arrives, the server answers, tells nothing about its inside, and goes on.
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, startTestClient } from '../test-client.ts';

const client = await startTestClient();
const { call, server, watchEvents } = client;

afterAll(() => client.close());

describe('whatever arrives', () => {
  const segment = fc.oneof(
    fc.constantFrom(
      'api',
      'apis',
      'v1',
      'nodes',
      'namespaces',
      'default',
      'configmaps',
      'secrets',
      'status',
      'approval',
      'watch',
      'busy',
    ),
    fc.constantFrom(
      'machineconfiguration.openshift.io',
      'machineconfigpools',
      'certificates.k8s.io',
      'coordination.k8s.io',
      'leases',
      'openapi',
      'v3',
    ),
    fc.string({ maxLength: 12 }).map(encodeURIComponent),
    fc.constantFrom('%00', '%2e%2e', '..', '%ff', "'", '__proto__', 'constructor', 'a'.repeat(300)),
  );
  const parameter = fc.tuple(
    fc.constantFrom(
      'limit',
      'continue',
      'resourceVersion',
      'resourceVersionMatch',
      'labelSelector',
      'fieldSelector',
      'dryRun',
      'fieldValidation',
      'pretty',
      'includeObject',
      'propagationPolicy',
    ),
    fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom(
        'All',
        '0',
        '1',
        '-1',
        '1e9',
        'Exact',
        'NotOlderThan',
        'a in (b)',
        'metadata.name=x',
        'true',
        'Orphan',
      ),
    ),
  );
  const type = fc.constantFrom(
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
    'multipart/form-data',
    ';;;',
  );
  const metadata = fc.dictionary(
    fc.constantFrom(
      'name',
      'labels',
      'annotations',
      'finalizers',
      'ownerReferences',
      'generateName',
      'resourceVersion',
      'uid',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const body = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc
      .record(
        { apiVersion: fc.constant('v1'), metadata, spec: fc.jsonValue(), data: fc.jsonValue(), status: fc.jsonValue() },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from('k8s\0'), bytes])),
    fc.string(),
  );
  const accept = fc.constantFrom(
    'application/json',
    '*/*',
    'application/yaml',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    '',
    'a/b;;=,',
  );

  test('is answered, by no error of the server and without a trace of its code', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'),
        fc.array(segment, { minLength: 1, maxLength: 7 }),
        fc.array(parameter, { maxLength: 3 }),
        type,
        body,
        accept,
        async (method, segments, parameters, contentType, payload, accepted) => {
          const path = `/${segments.join('/')}?timeout=1s&timeoutSeconds=1&${new URLSearchParams(parameters)}`;
          const withBody = method === 'GET' || method === 'HEAD' ? {} : { body: payload, type: contentType };
          const reply = await call(method, path, { ...withBody, headers: { accept: accepted } });
          expect(reply.code === 504 || reply.code < 500, `${method} ${path} ${reply.text}`).toBe(true);
          expect(reply.text).not.toMatch(/node_modules|\.ts:\d/);
        },
      ),
      { numRuns: 400 },
    );
    expect(server.errors).toEqual([]);
  }, 120_000);

  test.each([
    ['POST', '/apis/__proto__/v1/selfsubjectreviews', '{}'],
    ['POST', '/apis/constructor/v1/things', '{}'],
    ['GET', '/api/v1/__proto__', undefined],
    ['GET', '/api/v1/namespaces/__proto__/constructor/toString', undefined],
    ['POST', '/api/v1/namespaces/default/secrets', '{"metadata":{"generateName":"a"},"type":"constructor"}'],
  ])('also where a name is one of JavaScript: %s %s', async (method, path, payload) => {
    const reply = await call(method, path, payload === undefined ? {} : { body: payload, type: 'application/json' });
    expect(reply.code).toBeLessThan(500);
    expect(server.errors).toEqual([]);
  });

  test('even when it is no HTTP', async () => {
    for (const bytes of [
      'GET / HTTP/9.9\r\n\r\n',
      '\x00\x01\x02',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
    ]) {
      await new Promise<void>((resolve, reject) => {
        const socket = connectTls(
          { port: Number(new URL(server.url).port), host: '127.0.0.1', ca: server.authority.certificate },
          () => socket.write(bytes),
        );
        socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
        socket.on('data', () => socket.destroy());
        socket.on('close', () => resolve());
        socket.on('error', (error) => (error.message === 'no answer' ? reject(error) : resolve()));
      });
    }
    expect((await call('GET', '/readyz')).code).toBe(200);
  });

  test('a watcher that does not read is cut; others go on', async () => {
    const socket = connectTls(
      { port: Number(new URL(server.url).port), host: '127.0.0.1', ca: server.authority.certificate },
      () => {
        socket.write(
          `GET ${maps}?watch=true&fieldSelector=metadata.name%3Dheavy HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token}\r\n\r\n`,
        );
        socket.pause();
      },
    );
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    const key = { resource: 'configmaps', namespace: 'default', name: 'heavy' };
    for (let index = 0; index < 60; index++) {
      await server.store.write((transaction) =>
        transaction.put(key, {
          ...configMap('heavy', { a: String(index).repeat(400_000) }),
          metadata: { name: 'heavy', namespace: 'default' },
        }),
      );
    }
    // The cut shows once what lies in the socket is read.
    socket.resume();
    await closed;
    const [event] = await watchEvents(`${maps}?watch=true&fieldSelector=metadata.name%3Dheavy`, 1);
    expect(event?.type).toBe('ADDED');
    await call('DELETE', `${maps}/heavy`);
  });
});
