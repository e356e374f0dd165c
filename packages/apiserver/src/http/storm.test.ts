// A storm of hosts: it is bounded, and nobody else stands in its queue.
import type { ClientRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Credential, issueClientCertificate } from '@varve/kube';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { maps, startTestClient } from '../test-client.ts';

const client = await startTestClient();
const { call, server } = client;
const open = new Set<ClientRequest>();

afterEach(async () => {
  for (const request of open) request.destroy();
  open.clear();
  await inLane('apiserver_current_inflight_requests', 'hosts', 0);
});

afterAll(() => client.close());

function certificateOf(commonName: string, organization: string): Promise<Credential> {
  return issueClientCertificate(server.authority, { commonName, organizations: [organization] });
}

/** A request whose body does not come: it keeps its place until it is destroyed. */
function stall({ certificate: cert, key }: Credential): ClientRequest {
  const request = httpsRequest(`${server.url}${maps}`, {
    method: 'POST',
    ca: server.authority.certificate,
    cert,
    key,
    agent: false,
    headers: { 'content-type': 'application/json', 'content-length': '1000' },
  });
  request.on('error', () => {});
  request.flushHeaders();
  open.add(request);
  return request;
}

/** Waits until the server says that so many requests are there; an administrator asks. */
async function inLane(metric: string, lane: string, count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const cert = await certificateOf('prometheus', 'system:masters');
      expect((await call('GET', '/metrics', { cert })).text).toContain(`${metric}{lane="${lane}"} ${count}\n`);
    },
    { timeout: 30_000, interval: 100 },
  );
}

describe('a storm of hosts', () => {
  test('of one host is sent away, with the time to come back', async () => {
    const [host, other] = await Promise.all(
      ['a', 'b'].map((name) => certificateOf(`system:node:${name}`, 'system:nodes')),
    );
    if (host === undefined || other === undefined) throw new Error('no certificates');
    for (let index = 0; index < 20; index++) stall(host);
    await inLane('apiserver_current_inflight_requests', 'hosts', 20);
    const refused = await call('GET', '/api', { cert: host });
    expect(refused).toMatchObject({
      code: 429,
      headers: { 'retry-after': '1' },
      body: { reason: 'TooManyRequests', message: 'Too many requests, please try again later.' },
    });
    expect((await call('GET', '/api', { cert: other })).code).toBe(200);
    expect((await call('GET', '/readyz', { cert: host })).code).toBe(200);
  });

  test('of many holds up hosts, and nobody else', { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 11 }, (_, index) => `system:node:h${index}`);
    const hosts = await Promise.all(names.map((name) => certificateOf(name, 'system:nodes')));
    const late = hosts.pop();
    if (late === undefined) throw new Error('no certificates');
    for (const host of hosts) for (let index = 0; index < 20; index++) stall(host);
    await inLane('apiserver_current_inflight_requests', 'hosts', 200);
    const waiting = call('GET', '/api', { cert: late });
    await inLane('apiserver_current_inqueue_requests', 'hosts', 1);
    const admin = await certificateOf('admin', 'system:masters');
    expect((await call('GET', '/api/v1/nodes', { cert: admin })).code).toBe(200);
    const person = await certificateOf('jane', 'people');
    expect((await call('GET', '/api', { cert: person })).code).toBe(200);
    expect((await call('GET', '/version', { token: null })).code).toBe(200);
    for (const request of [...open].slice(0, 1)) request.destroy();
    expect((await waiting).code).toBe(200);
  });
});

test('one host has a bounded number of watches', async () => {
  const host = await certificateOf('system:node:watcher', 'system:nodes');
  const path = '/api/v1/nodes?watch=true&fieldSelector=metadata.name%3Dwatcher';
  await call('POST', '/api/v1/nodes', { body: { metadata: { name: 'watcher' } } });
  const stops: (() => void)[] = [];
  const ended: Promise<unknown>[] = [];
  for (let index = 0; index < 50; index++) {
    await new Promise<void>((begun) => {
      const onLine = (_line: string, stop: () => void) => {
        stops.push(stop);
        begun();
      };
      ended.push(call('GET', path, { cert: host, onLine }).catch(() => {}));
    });
  }
  expect((await call('GET', path, { cert: host })).code).toBe(429);
  stops.pop()?.();
  await vi.waitFor(
    async () => {
      expect((await call('GET', `${path}&timeoutSeconds=1`, { cert: host })).code).toBe(200);
    },
    { timeout: 10_000 },
  );
  for (const stop of stops) stop();
  await Promise.all(ended);
});

describe('/metrics', () => {
  test('counts requests by what they were about, and nothing that a client made up', async () => {
    await call('GET', `${maps}/absent`);
    await call('GET', '/api/v1/made-up-by-a-client');
    const { text, headers } = await call('GET', '/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toMatch(/^apiserver_request_total\{verb="GET",resource="configmaps",subresource="",code="404"\} 1$/m);
    expect(text).toMatch(
      /^apiserver_request_duration_seconds_count\{verb="GET",resource="configmaps",subresource=""\} 1$/m,
    );
    expect(text).toMatch(/^apiserver_storage_objects\{resource="namespaces"\} 4$/m);
    expect(text).not.toContain('made-up');
  });

  test('has lines that Prometheus can read, and buckets that grow', async () => {
    const { text } = await call('GET', '/metrics');
    const line = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+)$/;
    expect(
      text
        .trimEnd()
        .split('\n')
        .filter((one) => !line.test(one)),
    ).toEqual([]);
    const buckets = text.matchAll(/_bucket\{verb="GET",resource="configmaps",subresource="",le="[^"]+"\} (\d+)/g);
    const counts = Array.from(buckets, ([, count]) => Number(count));
    expect(counts.length).toBeGreaterThan(10);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  test('is for administrators, and who watches over the server', async () => {
    const host = await certificateOf('system:node:a', 'system:nodes');
    expect((await call('GET', '/metrics', { cert: host })).code).toBe(403);
    expect((await call('GET', '/metrics', { token: null })).code).toBe(403);
    const prometheus = await certificateOf('prometheus', 'system:monitoring');
    expect((await call('GET', '/metrics', { cert: prometheus })).code).toBe(200);
    expect((await call('GET', '/api/v1/nodes', { cert: prometheus })).code).toBe(403);
  });
});
