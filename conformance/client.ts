// Plain HTTPS requests to an API server, so that every header and byte is the behaviour's own.
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Connection } from '@varve/kube';

const requestMilliseconds = 60_000;

export const mediaTypes = {
  json: 'application/json',
  yaml: 'application/yaml',
  jsonPatch: 'application/json-patch+json',
  mergePatch: 'application/merge-patch+json',
  strategicMergePatch: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
  table: 'application/json;as=Table;v=v1;g=meta.k8s.io',
} as const;

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** undefined when the text is no JSON. */
  readonly body: unknown;
}

export interface CallOptions {
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Content type of the body; JSON unless given. */
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

export class ApiClient implements Disposable {
  readonly #connection: Connection;
  readonly #agent: Agent;

  constructor(connection: Connection) {
    const { ca, cert, key } = connection;
    this.#connection = connection;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 8, ca, cert, key });
  }

  get(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call('GET', path, options);
  }

  post(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('POST', path, { ...options, body });
  }

  put(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('PUT', path, { ...options, body });
  }

  merge(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('PATCH', path, { type: mediaTypes.mergePatch, ...options, body });
  }

  apply(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call('PATCH', path, { type: mediaTypes.apply, ...options, body });
  }

  delete(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.call('DELETE', path, options);
  }

  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = this.#open(method, path, options);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text, body: parseJson(text) });
      });
    });
    request.on('error', reject);
    return promise;
  }

  /**
   * The first `count` events of a watch, bookmarks included, or those until the server ends it. `during` runs once the
   * headers are there.
   */
  async watch(path: string, count: number, during?: () => Promise<unknown>, options: CallOptions = {}) {
    const events: WatchEvent[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<WatchEvent[]>();
    const request = this.#open('GET', path, options);
    request.on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`watch ${path}: HTTP ${response.statusCode}`));
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (events.length < count) events.push(parseEvent(line));
        if (events.length >= count) resolve(events);
      });
      response.on('error', () => resolve(events));
      response.on('close', () => resolve(events));
      during?.().catch(reject);
    });
    request.on('error', (error) => (events.length < count ? reject(error) : resolve(events)));
    try {
      return await promise;
    } finally {
      request.destroy();
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #open(method: string, path: string, options: CallOptions) {
    const { body, type = mediaTypes.json, accept, headers = {} } = options;
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const payload = body === undefined ? undefined : raw ? body : JSON.stringify(body);
    const { token, server } = this.#connection;
    const request = httpsRequest(new URL(path, server), {
      method,
      agent: this.#agent,
      timeout: requestMilliseconds,
      headers: {
        'user-agent': 'conformance/1.0',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(accept === undefined ? {} : { accept }),
        ...(payload === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(payload) }),
        ...headers,
      },
    });
    request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer`)));
    request.end(payload);
    return request;
  }
}

export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function parseEvent(line: string): WatchEvent {
  const event = parseJson(line);
  if (typeof event !== 'object' || event === null || !('type' in event) || !('object' in event)) {
    throw new Error(`not a watch event: ${line.slice(0, 200)}`);
  }
  return { type: String(event.type), object: event.object };
}
