// A client for tests of the whole server: plain HTTPS requests, so that every header and byte is the test's.
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { valueAt } from '@varve/api';
import { nodeRole } from './authorization/node.ts';
import { startTestServer, type TestServer } from './testing.ts';

export interface Reply {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  /** Milliseconds until the headers came. */
  readonly headersAfter: number;
  readonly text: string;
  /** undefined when the text is no JSON. */
  readonly body: unknown;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Record<string, string>;
  /** The administrator's unless given; null for none. */
  readonly token?: string | null;
  readonly cert?: { readonly certificate: string; readonly key: string };
  readonly onLine?: (line: string, stop: () => void) => void;
}

export interface TestClient {
  readonly server: TestServer;
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  merge(path: string, patch: unknown): Promise<Reply>;
  /** The first `count` events of a watch; `during` runs while it is open. */
  watchEvents(path: string, count: number, during?: () => Promise<unknown>): Promise<WatchEvent[]>;
  /** Stops the server; throws when it met an error that was a bug. */
  close(): Promise<void>;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

export const maps = '/api/v1/namespaces/default/configmaps';
export const pools = '/apis/machineconfiguration.openshift.io/v1/machineconfigpools';

export function configMap(name: string, data = {}, metadata = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export function pool(name: string, spec = {}, metadata = {}) {
  return {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name, ...metadata },
    spec,
  };
}

export function metadataOf(reply: Reply): unknown {
  return valueAt(reply.body, 'metadata');
}

export function versionOf(reply: Reply): string {
  return String(valueAt(reply.body, 'metadata', 'resourceVersion'));
}

export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

export async function startTestClient(): Promise<TestClient> {
  const server = await startTestServer({
    storeOptions: { history: { changes: 500, bytes: 10_000_000 } },
    roles: (store) => [
      nodeRole({
        store,
        ownResources: ['nodes', 'machineconfignodes.machineconfiguration.openshift.io'],
        relatedResources: ['machineconfigpools.machineconfiguration.openshift.io'],
        relatedNames: (node) => new Set([`pool-of-${node}`]),
      }),
    ],
  });
  // For requests with a token only: a connection keeps the certificate that it began with.
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const call = (method: string, path: string, options: CallOptions = {}) => send(server, agent, method, path, options);
  return {
    server,
    call,
    merge: (path, patch) => call('PATCH', path, { body: patch, type: 'application/merge-patch+json' }),
    watchEvents: (path, count, during) => readEvents(call, path, count, during),
    async close() {
      agent.destroy();
      await server[Symbol.asyncDispose]();
      if (server.errors.length > 0) throw new AggregateError(server.errors, 'the server met errors');
    },
  };
}

function send(server: TestServer, agent: Agent, method: string, path: string, options: CallOptions): Promise<Reply> {
  const { body, type = 'application/json', headers = {}, token = options.cert ? null : server.token, cert } = options;
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const payload = body === undefined ? undefined : isRaw ? body : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const started = performance.now();
  const request = httpsRequest(`${server.url}${path}`, {
    method,
    ca: server.authority.certificate,
    agent: cert === undefined && options.onLine === undefined ? agent : false,
    timeout: 15_000,
    ...(cert === undefined ? {} : { cert: cert.certificate, key: cert.key }),
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(payload === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(payload)) }),
      ...headers,
    },
  });
  request.on('response', (response) => {
    const headersAfter = performance.now() - started;
    let text = '';
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (options.onLine === undefined) return;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(line, () => request.destroy());
    });
    response.on('close', () => {
      const { statusCode: code = 0, headers } = response;
      resolve({ code, headers, headersAfter, text, body: parseJson(text) });
    });
    // A watch that the test stops ends with an error.
    response.on('error', () => {});
  });
  request.on('error', reject);
  request.on('timeout', () => request.destroy(new Error('timed out')));
  request.end(payload);
  return promise;
}

async function readEvents(
  call: TestClient['call'],
  path: string,
  count: number,
  during: (() => Promise<unknown>) | undefined,
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const watching = call('GET', path, {
    onLine(line, stop) {
      const event = parseJson(line);
      events.push({ type: String(valueAt(event, 'type')), object: valueAt(event, 'object') });
      if (events.length === count) stop();
    },
  }).catch((error: unknown) => {
    if (events.length < count) throw error;
  });
  await during?.();
  await watching;
  return events;
}
