// Creating, updating, patching and deleting, as clients meet it.
import { valueAt } from '@varve/api';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, metadataOf, pool, pools, startTestClient, versionOf } from '../test-client.ts';

const client = await startTestClient();
const { call, merge } = client;

afterAll(() => client.close());

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
    expect(metadataOf(reply)).toMatchObject({
      name: 'born',
      namespace: 'default',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      resourceVersion: expect.stringMatching(/^\d+$/),
      creationTimestamp: expect.stringMatching(/^20(?!00).*\d\dZ$/),
    });
    expect(reply.text).not.toContain('"x"');
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
    expect(metadataOf(generated)).toMatchObject({
      name: expect.stringMatching(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/),
    });
    expect(generated.headers.warning).toBe('299 - "unknown field \\"other\\""');
    const dry = await call('POST', `${maps}?dryRun=All`, { body: configMap('dry') });
    expect(dry.code).toBe(201);
    expect(metadataOf(dry)).not.toHaveProperty('resourceVersion');
    expect((await call('GET', `${maps}/dry`)).code).toBe(404);
  });

  test('does not store empty lists and maps of metadata and of kinds of Kubernetes', async () => {
    const empty = { labels: {}, annotations: {}, finalizers: [], ownerReferences: [] };
    const map = await call('POST', maps, { body: configMap('empty', {}, empty) });
    expect(map.body).not.toHaveProperty('data');
    for (const field of Object.keys(empty)) expect(metadataOf(map)).not.toHaveProperty(field);
    expect(metadataOf(map)).not.toHaveProperty('managedFields');
    const kept = await call('POST', pools, { body: pool('empty', { nodeSelector: { matchLabels: {} } }, empty) });
    expect(kept.body).toMatchObject({ spec: { nodeSelector: { matchLabels: {} } } });
    expect(metadataOf(kept)).not.toHaveProperty('labels');
  });

  test('warns of new finalizers without a domain', async () => {
    const created = await call('POST', pools, { body: pool('risky', {}, { finalizers: ['mine', 'a.b/c'] }) });
    expect(created.headers.warning).toMatch(/^299 - "metadata.finalizers: \\"mine\\": prefer a domain-qualified/);
    const labelled = await merge(`${pools}/risky`, { metadata: { labels: { a: 'b' } } });
    expect(labelled.headers.warning).toBeUndefined();
  });

  test('counts an owner that stands there twice once, and says so', async () => {
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' };
    const twice = { ownerReferences: [owner, { ...owner, controller: false }, owner] };
    expect((await call('POST', maps, { body: configMap('owned', {}, twice) })).code).toBe(422);
    const reply = await call('POST', maps, { body: configMap('owned', {}, { ownerReferences: [owner, owner] }) });
    expect(reply).toMatchObject({ code: 201, body: { metadata: { ownerReferences: [owner] } } });
    expect(reply.headers.warning).toContain('duplicate UID(s) observed: u');
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
      body: configMap('up', { a: '2' }, { resourceVersion: versionOf(first) }),
    });
    expect(second).toMatchObject({ code: 200, body: { data: { a: '2' } } });
    const stale = await call('PUT', `${maps}/up`, {
      body: configMap('up', { a: '3' }, { resourceVersion: versionOf(first) }),
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
    expect(versionOf(second)).toBe(versionOf(first));
    expect(versionOf(await merge(`${maps}/same`, { data: { a: '1' } }))).toBe(versionOf(first));
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
    expect(Number(versionOf(paused))).toBeGreaterThan(Number(versionOf(created)));
  });

  test('leaves alone what older rules allowed', async () => {
    const group = 'machineconfiguration.openshift.io';
    const rewrite = async (plural: string, name: string, spec: object) => {
      const key = { resource: `${plural}.${group}`, namespace: '', name };
      await client.server.store.write((transaction) => {
        const object = transaction.get(key)?.object;
        if (object !== undefined) transaction.put(key, { ...object, spec });
      });
    };
    await call('POST', pools, { body: pool('old', { maxUnavailable: 1 }) });
    await rewrite('machineconfigpools', 'old', { maxUnavailable: '200%' });
    expect((await merge(`${pools}/old`, { metadata: { labels: { a: 'b' } } })).code).toBe(200);
    expect((await merge(`${pools}/old/status`, { status: { machineCount: 1 } })).code).toBe(200);
    expect((await merge(`${pools}/old`, { spec: { maxUnavailable: '300%' } })).code).toBe(422);
    expect((await merge(`${pools}/old`, { spec: { maxUnavailable: '20%' } })).code).toBe(200);

    const configs = `/apis/${group}/v1/machineconfigs`;
    const body = { apiVersion: `${group}/v1`, kind: 'MachineConfig', metadata: { name: 'old' }, spec: {} };
    await call('POST', configs, { body });
    await rewrite('machineconfigs', 'old', { config: { ignition: { version: '1.0.0' } } });
    expect((await merge(`${configs}/old`, { metadata: { labels: { a: 'b' } } })).code).toBe(200);
    expect((await merge(`${configs}/old`, { spec: { config: { ignition: { version: '1.1.0' } } } })).code).toBe(422);
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
      metadata: { name: 'l', resourceVersion: versionOf(created) },
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
    expect((await merge(`${maps}/p`, { metadata: { uid: 'x' } })).code).toBe(422);
    expect((await merge(`${maps}/p`, { metadata: { resourceVersion: '1' } })).code).toBe(409);
    expect(
      (await merge(`${maps}/p`, { metadata: { resourceVersion: versionOf(created) }, data: { a: '1' } })).code,
    ).toBe(200);
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
    expect(versionOf(await call('DELETE', `${pools}/fin`))).toBe(versionOf(dying));
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

  test('of a namespace waits for those who finalize it, too', async () => {
    const held = { metadata: { name: 'held' }, spec: { finalizers: ['varve.dev/x'] } };
    expect((await call('POST', '/api/v1/namespaces', { body: held })).body).toMatchObject({
      spec: { finalizers: ['varve.dev/x', 'kubernetes'] },
    });
    await call('POST', '/api/v1/namespaces/held/configmaps', { body: configMap('content') });
    await call('DELETE', '/api/v1/namespaces/held');
    const content = async () => (await call('GET', '/api/v1/namespaces/held/configmaps/content')).code;
    await expect.poll(content, { timeout: 5000 }).toBe(404);
    expect((await call('GET', '/api/v1/namespaces/held')).code).toBe(200);
    const path = '/api/v1/namespaces/held/finalize';
    expect((await merge(path, { spec: { finalizers: [] } })).code).toBe(405);
    expect((await call('PUT', path, { body: { metadata: { name: 'held' }, spec: { finalizers: [] } } })).code).toBe(
      200,
    );
    await expect.poll(async () => (await call('GET', '/api/v1/namespaces/held')).code, { timeout: 5000 }).toBe(404);
  });
});
