// Who manages which fields, as clients see it after writes that are not applies.
import { listAt, valueAt } from '@varve/api';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, pool, pools, versionOf } from '../test-client.ts';
import { managersOf, startApplyClient } from './apply-client.fixture.ts';

const client = await startApplyClient();
const { call, merge, apply } = client;

afterAll(() => client.close());

describe('every write', () => {
  test('records who set which fields', async () => {
    const created = await call('POST', `${maps}?fieldManager=creator`, {
      body: configMap('who', { a: '1', b: '1' }, { labels: { x: 'y' } }),
    });
    expect(managersOf(created)).toEqual({
      'Update creator': {
        'f:data': { '.': {}, 'f:a': {}, 'f:b': {} },
        'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } },
      },
    });
    expect(valueAt(created.body, 'metadata', 'managedFields')).toMatchObject([
      { apiVersion: 'v1', fieldsType: 'FieldsV1', time: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    const changed = await merge(`${maps}/who?fieldManager=second`, { data: { a: '2', b: null } });
    expect(managersOf(changed)).toEqual({
      'Update creator': { 'f:data': {}, 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } } },
      'Update second': { 'f:data': { 'f:a': {} } },
    });
    expect(versionOf(await merge(`${maps}/who?fieldManager=third`, { data: { a: '2' } }))).toBe(versionOf(changed));
  });

  test('without a field manager goes by the user agent', async () => {
    const headers = { 'user-agent': 'agent-x/1.0 (linux)' };
    const created = await call('POST', maps, { body: configMap('agent', { a: '1' }), headers });
    expect(Object.keys(managersOf(created))).toEqual(['Update agent-x']);
  });

  test('to a subresource owns what that can change', async () => {
    const created = await call('POST', `${pools}?fieldManager=admin`, {
      body: pool('parts', { paused: true }, { labels: { a: 'b' } }),
    });
    expect(managersOf(created)).toEqual({
      'Update admin': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
        'f:spec': { '.': {}, 'f:paused': {} },
      },
    });
    const body = { metadata: { labels: { c: 'd' } }, spec: { paused: false }, status: { machineCount: 1 } };
    const status = await merge(`${pools}/parts/status?fieldManager=controller`, body);
    expect(managersOf(status)).toMatchObject({
      'Update admin': { 'f:spec': { 'f:paused': {} } },
      'Update controller status': { 'f:status': { '.': {}, 'f:machineCount': {} } },
    });
    expect(managersOf(status)['Update controller status']).not.toHaveProperty('f:spec');
  });

  test('of many managers is put together, the oldest first', async () => {
    await call('POST', `${maps}?fieldManager=m0`, { body: configMap('many', { k0: 'v' }) });
    for (let index = 1; index < 15; index++) {
      await merge(`${maps}/many?fieldManager=m${index}`, { data: { [`k${index}`]: 'v' } });
    }
    const found = managersOf(await call('GET', `${maps}/many`));
    expect(Object.keys(found)).toHaveLength(10);
    expect(found['Update ancient-changes']).toMatchObject({ 'f:data': { 'f:k0': {}, 'f:k1': {} } });
  });
});

describe('managed fields that a client sends', () => {
  test('may be edited, kept by leaving them out, and reset', async () => {
    const path = `${maps}/edited`;
    await call('POST', `${maps}?fieldManager=creator`, { body: configMap('edited', { a: '1' }) });
    const plain = await call('PUT', `${path}?fieldManager=creator`, { body: configMap('edited', { a: '1' }) });
    expect(Object.keys(managersOf(plain))).toEqual(['Update creator']);
    const [entry] = listAt(plain.body, 'metadata', 'managedFields');
    const renamed = { ...Object.assign({}, entry), manager: 'renamed' };
    const edit = [
      { op: 'replace', path: '/metadata/managedFields', value: [renamed] },
      { op: 'replace', path: '/metadata/resourceVersion', value: versionOf(plain) },
    ];
    const edited = await call('PATCH', path, { body: edit, type: 'application/json-patch+json' });
    expect(Object.keys(managersOf(edited))).toEqual(['Update renamed']);
    expect((await call('PATCH', path, { body: edit, type: 'application/json-patch+json' })).code).toBe(409);
    const broken = [{ ...renamed, fieldsV1: { nonsense: {} } }];
    const unread = await merge(path, { metadata: { managedFields: broken } });
    expect(Object.keys(managersOf(unread))).toEqual(['Update renamed']);
    expect(await merge(path, { metadata: { managedFields: [{ ...renamed, operation: 'Explode' }] } })).toMatchObject({
      code: 422,
      body: { details: { causes: [{ field: 'metadata.managedFields[0].operation' }] } },
    });
    expect(managersOf(await merge(path, { metadata: { managedFields: [{}] } }))).toEqual({});
    expect(managersOf(await merge(`${path}?fieldManager=late`, { data: { b: '2' } }))).toEqual({});
    const applied = await apply(path, 'm', configMap('edited', { c: '3' }));
    expect(managersOf(applied)).toEqual({
      'Apply m': { 'f:data': { 'f:c': {} } },
      'Update before-first-apply': { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } },
    });
  });
});
