// An HTTPS server for tests that behaves like an API server's /api/v1/nodes (list in pages, watch with history and
// bookmarks) until it is told not to: each fault hits one request, and the whole server can vanish and come back.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import type { Node } from '@varve/api';
import type { Connection } from './connection.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueClientCertificate,
  issueServerCertificate,
} from './pki/authority.ts';
import { isRecord } from './status.ts';

/** Answers one request instead of the server. */
export type Fault = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface HistoryEntry {
  readonly type: string;
  readonly object: Node;
  readonly version: number;
}

export class FaultyServer implements AsyncDisposable {
  readonly authority: CertificateAuthority;
  readonly #credentials: { cert: string; key: string };
  readonly #client: { cert: string; key: string };
  readonly #nodes = new Map<string, Node>();
  readonly #watchers = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  #history: HistoryEntry[] = [];
  #version = 100;
  #oldest = 0;
  #server: Server | undefined;
  #port = 0;
  /** What was asked, as `METHOD /path?query`. */
  readonly requests: string[] = [];
  /** Names of the nodes that clients made, each time. */
  readonly created: string[] = [];
  /** Who asked: the common names of the client certificates. */
  readonly users: string[] = [];
  /** The next requests meet these, one each. */
  readonly faults: Fault[] = [];
  /** The next watches, but no lists, meet these. */
  readonly watchFaults: Fault[] = [];
  pageSize = 2;
  /** What is done with a request for a streaming list. */
  streaming: 'served' | 'refused' | 'ignored' = 'served';

  private constructor(
    authority: CertificateAuthority,
    credentials: { cert: string; key: string },
    client: { cert: string; key: string },
  ) {
    this.authority = authority;
    this.#credentials = credentials;
    this.#client = client;
  }

  static async start(): Promise<FaultyServer> {
    const authority = await createCertificateAuthority({ commonName: 'faulty' });
    const server = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
    const client = await issueClientCertificate(authority, { commonName: 'tester', organizations: ['testers'] });
    const faulty = new FaultyServer(
      authority,
      { cert: server.certificate, key: server.key },
      { cert: client.certificate, key: client.key },
    );
    await faulty.listen();
    return faulty;
  }

  get connection(): Connection {
    return { server: `https://127.0.0.1:${this.#port}`, ca: this.authority.certificate, ...this.#client };
  }

  get watching(): number {
    return this.#watchers.size;
  }

  get version(): string {
    return String(this.#version);
  }

  get names(): string[] {
    return [...this.#nodes.keys()].sort();
  }

  /** On the same port as before, when there was one. */
  async listen(): Promise<void> {
    const server = createServer(
      { ...this.#credentials, ca: this.authority.certificate, requestCert: true, rejectUnauthorized: false },
      (request, response) => void this.#serve(request, response),
    );
    // Also those that have not yet shaken hands.
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    this.#port = address !== null && typeof address === 'object' ? address.port : 0;
    this.#server = server;
  }

  /** As kill -9 does: connections break, and new ones are refused. */
  async vanish(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server === undefined ? undefined : once(server, 'close');
    server?.close();
    this.breakConnections();
    await closed;
  }

  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends all watches in good order, as a server does every few minutes. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end();
  }

  put(name: string, labels: Record<string, string> = {}): void {
    const old = this.#nodes.get(name);
    this.#version += 1;
    const uid = old?.metadata.uid ?? `uid-${this.#version}`;
    const metadata = { name, uid, labels, resourceVersion: String(this.#version) };
    const object: Node = { apiVersion: 'v1', kind: 'Node', metadata };
    this.#nodes.set(name, object);
    this.#record(old === undefined ? 'ADDED' : 'MODIFIED', object);
  }

  remove(name: string): void {
    const old = this.#nodes.get(name);
    if (old === undefined) return;
    this.#version += 1;
    this.#nodes.delete(name);
    this.#record('DELETED', { ...old, metadata: { ...old.metadata, resourceVersion: String(this.#version) } });
  }

  bookmark(): void {
    this.#send({ type: 'BOOKMARK', object: { kind: 'Node', metadata: { resourceVersion: String(this.#version) } } });
  }

  /** Sends raw bytes to all watchers. */
  sendRaw(bytes: string): void {
    for (const watcher of this.#watchers) watcher.write(bytes);
  }

  /** Forgets the history: watches from before are answered by 410 Expired. */
  compact(): void {
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** As if an old backup were restored: versions and objects go back. */
  rewind(version: number, names: readonly string[]): void {
    this.#nodes.clear();
    this.#history = [];
    this.#oldest = 0;
    this.#version = version;
    for (const name of names) this.put(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish();
  }

  #record(type: string, object: Node): void {
    const entry = { type, object, version: this.#version };
    this.#history.push(entry);
    this.#send({ type, object });
  }

  #send(event: unknown): void {
    this.sendRaw(`${JSON.stringify(event)}\n`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://server');
    const body = await text(request).catch(() => '');
    this.requests.push(`${request.method} ${request.url}`);
    const { socket } = request;
    this.users.push(String((socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined)?.subject?.CN ?? ''));
    response.on('error', () => {});
    const isWatch = url.searchParams.get('watch') === 'true';
    const fault = this.faults.shift() ?? (isWatch ? this.watchFaults.shift() : undefined);
    if (fault !== undefined) fault(request, response, body);
    else if (url.pathname !== '/api/v1/nodes') answerStatus(response, 404, 'NotFound', `${url.pathname} not found`);
    else if (request.method === 'POST') this.#create(response, body);
    else if (isWatch) this.#watch(response, url.searchParams);
    else this.#list(response, url.searchParams);
  }

  #create(response: ServerResponse, body: string): void {
    const parsed: unknown = JSON.parse(body);
    const metadata = isRecord(parsed) && isRecord(parsed.metadata) ? parsed.metadata : {};
    const name = String(metadata.name);
    if (this.#nodes.has(name)) {
      answerStatus(response, 409, 'AlreadyExists', `nodes "${name}" already exists`);
      return;
    }
    this.created.push(name);
    this.put(name);
    answer(response, 201, this.#nodes.get(name));
  }

  /** Each page is of its own moment, which is more than a real server permits itself. */
  #list(response: ServerResponse, query: URLSearchParams): void {
    const from = query.get('continue') ?? '';
    const rest = this.names.filter((name) => name > from);
    const page = query.has('limit') ? rest.slice(0, this.pageSize) : rest;
    const next = page.length < rest.length ? { continue: page.at(-1) } : {};
    answer(response, 200, {
      kind: 'NodeList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(this.#version), ...next },
      // Built-in kinds leave kind and apiVersion out of their items.
      items: page.map((name) => ({ metadata: this.#nodes.get(name)?.metadata })),
    });
  }

  #watch(response: ServerResponse, query: URLSearchParams): void {
    const isStreaming = query.get('sendInitialEvents') === 'true';
    if (isStreaming && this.streaming === 'refused') {
      answerStatus(response, 422, 'Invalid', 'sendInitialEvents: Forbidden: the WatchList feature gate is off');
      return;
    }
    const from = isStreaming ? this.#version : Number(query.get('resourceVersion') ?? '0');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#oldest) {
      const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
      response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
      return;
    }
    if (isStreaming) this.#sendInitialEvents(response);
    for (const { type, object, version } of this.#history) {
      if (version > from) response.write(`${JSON.stringify({ type, object })}\n`);
    }
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }

  #sendInitialEvents(response: ServerResponse): void {
    for (const object of this.#nodes.values()) response.write(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    if (this.streaming === 'ignored') return;
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    const metadata = { resourceVersion: String(this.#version), annotations };
    response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Node', metadata } })}\n`);
  }
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function answerStatus(response: ServerResponse, code: number, reason: string, message: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });
}
