// Lists and watches, as clients meet them.
import { valueAt } from '@varve/api';
import { afterAll, describe, expect, test } from 'vitest';
import { configMap, maps, metadataOf, parseJson, startTestClient, versionOf } from '../test-client.ts';

const client = await startTestClient();
const { call, merge, server, watchEvents } = client;

afterAll(() => client.close());

describe('lists', () => {
  test('come in pages of one moment', async () => {
    const path = '/api/v1/namespaces/paging/configmaps';
    await call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'paging' } } });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await call('POST', path, { body: configMap(name) });
    const first = await call('GET', `${path}?limit=2`);
    expect(metadataOf(first)).toMatchObject({ remainingItemCount: 3, continue: expect.any(String) });
    await call('DELETE', `${path}/c`);
    await call('POST', path, { body: configMap('bb') });
    await merge(`${path}/d`, { data: { late: 'yes' } });
    const rest = await call('GET', `${path}?limit=500&continue=${String(valueAt(first.body, 'metadata', 'continue'))}`);
    expect(versionOf(rest)).toBe(versionOf(first));
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
    const exact = await call('GET', `${path}?resourceVersion=${versionOf(first)}&resourceVersionMatch=Exact`);
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
    const from = versionOf(await call('GET', maps));
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
    const reply = await call('GET', `${maps}?watch=true&fieldSelector=metadata.name%3Dnever&timeoutSeconds=3`);
    expect(reply).toMatchObject({ code: 200, text: '' });
    expect(reply.headersAfter).toBeLessThan(2500);
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
    const from = versionOf(await call('POST', maps, { body: configMap('resume') }));
    await merge(`${maps}/resume`, { data: { a: '1' } });
    await call('DELETE', `${maps}/resume`);
    const missed = await watchEvents(`${maps}?watch=true&resourceVersion=${from}`, 2);
    expect(missed.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED']);
    const key = { resource: 'configmaps', namespace: 'default', name: 'busy' };
    await server.store.write((transaction) => {
      for (let index = 0; index < 600; index++) transaction.put(key, configMap('busy', { index: String(index) }));
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
        events.push(valueAt(parseJson(line), 'object'));
        if (events.length === 2) stop();
      },
    });
    expect(events.slice(0, 2)).toMatchObject([
      { kind: 'Table', columnDefinitions: expect.any(Array), rows: [{}] },
      { kind: 'Table', columnDefinitions: null },
    ]);
  });
});
