import { configMapResource, nodeResource } from '@varve/api';
import { expect, test } from 'vitest';
import { applyBody } from './apply-configuration.ts';
import { KubeClient } from './client.ts';
import { answer, FaultyServer } from './faulty-server.fixture.ts';

test('an apply is a PATCH of the object with its kind, its manager and only the given fields', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const metadata = { name: 'c', namespace: 'n' };
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } };
  server.faults.push((request, response, body) => {
    expect(request.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(body)).toEqual(applied);
    answer(response, 200, applied);
  });
  const options = { fieldManager: 'me', force: true };
  expect(await client.apply(configMapResource, { metadata, data: { a: '1' } }, options)).toEqual(applied);
  server.faults.push((_, response) => answer(response, 200, { ...applied, kind: 'Node' }));
  await client.apply(
    nodeResource,
    { metadata: { name: 'x' }, status: {} },
    { fieldManager: 'me', subresource: 'status' },
  );
  expect(server.requests).toEqual([
    'PATCH /api/v1/namespaces/n/configmaps/c?fieldManager=me&force=true',
    'PATCH /api/v1/nodes/x/status?fieldManager=me',
  ]);
});

test('what a server wrote into the metadata of an object that was read is left out, preconditions are not', () => {
  const precondition = { uid: 'u', resourceVersion: '7' };
  const written = { generation: 3, creationTimestamp: '2026-01-01T00:00:00Z', managedFields: [] };
  const body = applyBody(configMapResource, { metadata: { name: 'c', ...precondition, ...written } });
  expect(body).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', ...precondition } });
});

test('a conflict says whose fields these are, and what to do about it', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const causes = [{ reason: 'FieldManagerConflict', message: 'conflict with "other" using v1', field: '.data.a' }];
  const message = 'Apply failed with 1 conflict: conflict with "other" using v1: .data.a';
  const status = { kind: 'Status', code: 409, reason: 'Conflict', message, details: { causes } };
  server.faults.push((_, response) => answer(response, 409, status));
  const configuration = { metadata: { name: 'c', namespace: 'n' }, data: { a: '2' } };
  await expect(client.apply(configMapResource, configuration, { fieldManager: 'me' })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringMatching(/"other".*force/),
    status: { causes },
  });
});
