// Server-side apply, as clients meet it.
import { valueAt } from '@varve/api';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, pool, pools, versionOf } from '../test-client.ts';
import { applyType, managersOf, startApplyClient } from './apply-client.fixture.ts';

const client = await startApplyClient();
const { call, merge, apply } = client;
const nodes = '/api/v1/nodes';

afterAll(() => client.close());

describe('apply', () => {
  test('creates, changes, and does nothing when there is nothing to do', async () => {
    const path = `${pools}/applied`;
    const created = await apply(path, 'm', pool('applied', { paused: false, maxUnavailable: 2 }));
    expect(created.code).toBe(201);
    expect(managersOf(created)).toEqual({ 'Apply m': { 'f:spec': { 'f:maxUnavailable': {}, 'f:paused': {} } } });
    const again = await apply(path, 'm', pool('applied', { paused: false, maxUnavailable: 2 }));
    expect(again.code).toBe(200);
    expect(again.body).toEqual(created.body);
    const less = await apply(path, 'm', pool('applied', { paused: true }));
    expect(valueAt(less.body, 'spec')).toEqual({ paused: true });
    expect(valueAt(less.body, 'metadata', 'generation')).toBe(2);
  });

  test('conflicts with the fields of others, unless it is forced', async () => {
    const path = `${pools}/contended`;
    await apply(path, 'm1', pool('contended', { paused: false, maxUnavailable: 1 }));
    await merge(`${path}?fieldManager=m2`, { spec: { maxUnavailable: 3 } });
    expect(await apply(path, 'm3', pool('contended', { maxUnavailable: 4 }))).toMatchObject({
      code: 409,
      body: {
        reason: 'Conflict',
        message:
          'Apply failed with 1 conflict: conflict with "m2" using machineconfiguration.openshift.io/v1: .spec.maxUnavailable',
        details: {
          causes: [
            {
              reason: 'FieldManagerConflict',
              message: 'conflict with "m2" using machineconfiguration.openshift.io/v1',
              field: '.spec.maxUnavailable',
            },
          ],
        },
      },
    });
    const both = await apply(path, 'm3', pool('contended', { paused: true, maxUnavailable: 4 }));
    expect(valueAt(both.body, 'message')).toBe(
      'Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.paused\nconflicts with "m2" using machineconfiguration.openshift.io/v1:\n- .spec.maxUnavailable',
    );
    const shared = await apply(path, 'm3', pool('contended', { maxUnavailable: 3 }));
    expect(Object.keys(managersOf(shared)).sort()).toEqual(['Apply m1', 'Apply m3', 'Update m2']);
    const forced = await apply(path, 'm3', pool('contended', { paused: true, maxUnavailable: 4 }), '&force=true');
    expect(managersOf(forced)).toEqual({ 'Apply m3': { 'f:spec': { 'f:maxUnavailable': {}, 'f:paused': {} } } });
  });

  test('merges lists by their keys and sets by their values', async () => {
    const path = `${nodes}/listed`;
    const node = (metadata: object, status = {}) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'listed', ...metadata },
      ...status,
    });
    await apply(path, 'a', node({ finalizers: ['varve.dev/a'] }));
    const second = await apply(path, 'b', node({ finalizers: ['varve.dev/b'] }));
    expect(valueAt(second.body, 'metadata', 'finalizers')).toEqual(['varve.dev/a', 'varve.dev/b']);
    expect(managersOf(second)['Apply b']).toEqual({
      'f:metadata': { 'f:finalizers': { 'v:"varve.dev/b"': {} } },
    });
    const condition = (type: string, state: string) => ({ status: { conditions: [{ type, status: state }] } });
    await apply(`${path}/status`, 'a', node({}, condition('Ready', 'True')));
    const status = await apply(`${path}/status`, 'b', node({ labels: { x: 'y' } }, condition('Disk', 'False')));
    expect(valueAt(status.body, 'status', 'conditions')).toEqual([
      { type: 'Ready', status: 'True' },
      { type: 'Disk', status: 'False' },
    ]);
    expect(managersOf(status)['Apply b status']).toEqual({
      'f:status': { 'f:conditions': { 'k:{"type":"Disk"}': { '.': {}, 'f:status': {}, 'f:type': {} } } },
    });
    const conflict = await apply(`${path}/status`, 'c', node({}, condition('Ready', 'False')));
    expect(valueAt(conflict.body, 'details', 'causes')).toMatchObject([
      { message: 'conflict with "a" with subresource "status"', field: '.status.conditions[type="Ready"].status' },
    ]);
    const keyless = await apply(`${path}/status`, 'c', node({}, { status: { conditions: [{ status: 'True' }] } }));
    expect(keyless).toMatchObject({
      code: 400,
      body: { message: expect.stringContaining('omits all key fields ["type"]') },
    });
    const gone = await apply(`${path}/status`, 'b', node({}));
    expect(valueAt(gone.body, 'status', 'conditions')).toEqual([{ type: 'Ready', status: 'True' }]);
  });

  test('takes atomic parts as one piece', async () => {
    const path = `${pools}/atomic`;
    const selector = (key: string) => ({ nodeSelector: { matchLabels: { [key]: '' } } });
    await apply(path, 'a', pool('atomic', selector('x')));
    expect((await apply(path, 'b', pool('atomic', selector('y')))).body).toMatchObject({
      details: { causes: [{ field: '.spec.nodeSelector' }] },
    });
    const forced = await apply(path, 'b', pool('atomic', selector('y')), '&force=true');
    expect(valueAt(forced.body, 'spec')).toEqual(selector('y'));
  });

  test('reads YAML, and does not store a dry run', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dry}\ndata:\n  a: "1"\n';
    const dry = await apply(`${maps}/dry`, 'm', yaml, '&dryRun=All');
    expect(dry.code).toBe(201);
    expect(valueAt(dry.body, 'metadata')).not.toHaveProperty('resourceVersion');
    expect((await call('GET', `${maps}/dry`)).code).toBe(404);
    expect((await apply(`${maps}/dry`, 'm', yaml)).body).toMatchObject({ data: { a: '1' } });
    const changed = await apply(`${maps}/dry`, 'm', yaml.replace('"1"', '"2"'), '&dryRun=All');
    expect(changed.body).toMatchObject({ data: { a: '2' } });
    expect((await call('GET', `${maps}/dry`)).body).toMatchObject({ data: { a: '1' } });
  });

  test('of a Secret tracks what stringData is folded into', async () => {
    const secret = (stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData });
    const path = '/api/v1/namespaces/default/secrets/s';
    const created = await apply(path, 'm', secret({ a: '1', b: '2' }));
    expect(managersOf(created)).toEqual({ 'Apply m': { 'f:data': { 'f:a': {}, 'f:b': {} } } });
    expect((await apply(path, 'm', secret({ a: '1' }))).body).toMatchObject({ data: { a: 'MQ==' }, type: 'Opaque' });
  });

  test('takes over what kubectl applied on the client side, and keeps its annotation', async () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const lastApplied = { ...configMap('moved', { a: '1', b: '1' }), metadata: { name: 'moved' } };
    const annotations = { [annotation]: `${JSON.stringify(lastApplied)}\n` };
    const path = `${maps}/moved`;
    await call('POST', `${maps}?fieldManager=kubectl-client-side-apply`, {
      body: configMap('moved', { a: '1', b: '1' }, { annotations }),
    });
    expect((await apply(path, 'other', configMap('moved', { a: '2' }))).code).toBe(409);
    const moved = await apply(path, 'kubectl', configMap('moved', { a: '2' }));
    expect(moved).toMatchObject({ code: 200, body: { data: { a: '2', b: '1' } } });
    const kept = String(valueAt(moved.body, 'metadata', 'annotations', annotation));
    expect(JSON.parse(kept)).toEqual({ ...lastApplied, data: { a: '2' } });
    await merge(`${path}?fieldManager=x`, { data: { b: '5' } });
    expect((await apply(path, 'kubectl', configMap('moved', { b: '6' }))).code).toBe(409);
  });

  test.each([
    [
      'a field that the schema lacks',
      { data: { a: '1' }, bogus: 1 },
      400,
      '(/bad; /v1, Kind=ConfigMap): .bogus: field not declared in schema',
    ],
    ['a wrong type', { data: [] }, 400, '.data: expected map, got list'],
    ['an item twice', { metadata: { finalizers: ['a/b', 'a/b'] } }, 400, 'duplicate entries for key [="a/b"]'],
    ['managed fields', { metadata: { managedFields: [] } }, 400, 'metadata.managedFields must be nil'],
    ['another kind', { kind: 'Secret' }, 400, 'invalid object type: /v1, Kind=Secret'],
    ['another name', { metadata: { name: 'other' } }, 400, 'does not match the name on the URL (bad)'],
    ['no name for a new object', { metadata: { name: undefined } }, 400, 'name must be provided'],
    ['a value that the kind refuses', { data: { 'a b': '1' } }, 422, 'a valid config key must consist of'],
    ['an uid for a new object', { metadata: { uid: 'x' } }, 409, 'no existing object was found'],
    ['a resourceVersion for a new object', { metadata: { resourceVersion: '5' } }, 409, 'the object has been modified'],
    ['another namespace', { metadata: { namespace: 'kube-system' } }, 400, 'does not match the namespace'],
  ])('refuses %s', async (_name, change: Record<string, unknown>, code, text) => {
    const metadata = { name: 'bad', ...Object.assign({}, change.metadata) };
    const reply = await apply(`${maps}/bad`, 'm', { ...configMap('bad', {}), ...change, metadata });
    expect(reply).toMatchObject({ code, body: { message: expect.stringContaining(text) } });
    expect((await call('GET', `${maps}/bad`)).code).toBe(404);
  });

  test('refuses a stale resourceVersion, duplicate keys in strict mode, and names that cannot be printed', async () => {
    const created = await apply(`${maps}/guarded`, 'm', configMap('guarded', { a: '1' }));
    const stale = { resourceVersion: String(Number(versionOf(created)) - 1) };
    expect((await apply(`${maps}/guarded`, 'm', configMap('guarded', { a: '2' }, stale))).code).toBe(409);
    const twice = '{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"1","a":"2"}}';
    expect((await apply(`${maps}/guarded`, 'm', twice, '&fieldValidation=Strict')).code).toBe(400);
    expect((await apply(`${maps}/guarded`, 'm', twice)).headers.warning).toContain('duplicate field');
    expect((await apply(`${maps}/guarded`, 'a%00b', configMap('guarded'))).body).toMatchObject({
      code: 422,
      message: expect.stringContaining('invalid character U+0000 (at position 1)'),
    });
    expect((await apply(`${maps}/guarded`, 'm'.repeat(129), configMap('guarded'))).code).toBe(422);
    expect((await apply(`${pools}/absent/status`, 'm', { ...pool('absent'), status: {} })).code).toBe(404);
  });

  test('of a new object needs the right to create it', async () => {
    const { issueClientCertificate } = await import('@varve/kube');
    const options = { commonName: 'system:node:n1', organizations: ['system:nodes'] };
    const cert = await issueClientCertificate(client.server.authority, options);
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status: { phase: 'Running' } };
    const path = `${nodes}/n1/status?fieldManager=agent`;
    expect((await call('PATCH', path, { body: node, type: applyType, cert })).code).toBe(404);
    await call('POST', nodes, { body: { ...node, status: undefined } });
    expect((await call('PATCH', path, { body: node, type: applyType, cert })).code).toBe(200);
    const lease = (name: string) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name },
      spec: { holderIdentity: name },
    });
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const own = await call('PATCH', `${leases}/n1?fieldManager=agent`, { body: lease('n1'), type: applyType, cert });
    expect(own.code).toBe(201);
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { kind: 'Node', name: 'n2' },
    };
    const events = '/api/v1/namespaces/default/events/e?fieldManager=agent';
    expect((await call('PATCH', events, { body: event, type: applyType, cert })).code).toBe(403);
  });

  test('answers whatever is applied, and never with an error of its own', async () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const metadata = fc.record({ labels: json, finalizers: json, ownerReferences: json }, { requiredKeys: [] });
    const change = fc.record({ metadata, spec: json, status: json }, { requiredKeys: ['metadata'] });
    const write = fc.record({ change, managedFields: json, force: fc.boolean(), status: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(write, async ({ change: wanted, managedFields, force, status }) => {
        const path = `${pools}/fuzzed${status ? '/status' : ''}`;
        const body = { ...pool('fuzzed'), ...wanted, metadata: { ...wanted.metadata, name: 'fuzzed' } };
        const applied = await apply(path, 'm', body, force ? '&force=true' : '');
        expect(applied.code, applied.text).toBeLessThan(500);
        const merged = await merge(`${path}?fieldManager=x`, {
          ...wanted,
          metadata: { ...wanted.metadata, managedFields },
        });
        expect(merged.code, merged.text).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
  });

  test('by many at once loses none', async () => {
    const path = `${maps}/crowd`;
    const writes = Array.from({ length: 30 }, (_, index) =>
      apply(path, `m${index}`, configMap('crowd', { [`k${index}`]: 'v' })),
    );
    const codes = (await Promise.all(writes)).map(({ code }) => code);
    expect(codes.sort()).toEqual([...Array.from({ length: 29 }, () => 200), 201]);
    expect(Object.keys(valueAt((await call('GET', path)).body, 'data') ?? {})).toHaveLength(30);
  });
});
