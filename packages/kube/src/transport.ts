// One HTTP request to an API server: connection pool, deadline, repeats where a repeat is safe, and every failure as a
// KubeError. What the bytes mean is the client's business.
import type { IncomingMessage } from 'node:http';
import { anySignal, Deadline, delay } from './abort.ts';
import { systemClock } from './clock.ts';
import type { Connection, Credentials } from './connection.ts';
import { Connections, type Exchange } from './connections.ts';
import { CredentialSource } from './credentials.ts';
import { isKubeError, KubeError } from './error.ts';
import { causeCode, connectionError, responseError } from './failure.ts';

/** Milliseconds for one request with its repeats; a page of 500 large objects over a slow line fits. */
const requestTimeout = 60_000;
const connectTimeout = 15_000;
/** Bounds of the repeats that a server asks for by Retry-After, as client-go repeats them. */
const maxRepeats = 5;
const maxRetryAfterSeconds = 10;
/** Bytes of an answer unless a request says otherwise: many times what etcd takes in one request (its --max-request-bytes). */
const defaultMaxBytes = 16 * 1024 * 1024;
/** Watches hold a connection each; beyond this many, requests wait their turn until their deadline. */
const maxConnections = 256;

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's address, with a leading slash. */
  readonly path: string;
  readonly query?: URLSearchParams | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  /** Of a successful answer; 16 MiB unless given. A longer one is MALFORMED_RESPONSE. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class Transport {
  readonly #url: URL;
  readonly #connection: Connection;
  readonly #server: string;
  readonly #prefix: string;
  readonly #source: CredentialSource;
  readonly #closing = new AbortController();
  #credentials: Credentials;
  #connections: Connections;

  constructor(connection: Connection) {
    checkProxy(connection);
    this.#url = parseServer(connection);
    this.#connection = connection;
    this.#server = connection.server;
    this.#prefix = this.#url.pathname.replace(/\/+$/, '');
    this.#source = new CredentialSource(connection, systemClock);
    this.#credentials = connection;
    this.#connections = this.#connect(connection);
  }

  /** The parsed JSON of a successful answer. The caller's abort rejects with its reason, all else with a KubeError. */
  async request(request: Request): Promise<unknown> {
    using deadline = new Deadline(requestTimeout);
    let text: string;
    try {
      const response = await this.#send(request, anySignal(request.signal, deadline.signal));
      text = await textOf(request, response, request.maxBytes);
    } catch (cause) {
      throw this.#failure(request, cause, deadline.signal);
    }
    return parseAnswer(request, text, this.#server);
  }

  /**
   * The body of a successful answer as it arrives. `idleTimeout` (milliseconds) bounds the wait for its headers and
   * between any two pieces.
   */
  async stream(request: Request, idleTimeout: number): Promise<AsyncIterable<Uint8Array>> {
    using deadline = new Deadline(connectTimeout + idleTimeout);
    try {
      const signal = anySignal(request.signal, deadline.signal);
      return this.#chunks(request, await this.#send(request, signal, idleTimeout));
    } catch (cause) {
      throw this.#failure(request, cause, deadline.signal);
    }
  }

  /** Ends all requests and closes all connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#connections.close();
  }

  #connect({ ca, cert, key }: Credentials): Connections {
    const { serverName, proxy } = this.#connection;
    return new Connections(this.#url, {
      maxConnections,
      connectTimeout,
      tls: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(serverName === undefined ? {} : { servername: serverName }),
      },
      proxy,
      signal: this.#closing.signal,
    });
  }

  /** Takes over renewed credentials; what runs goes on with those that it began with. */
  #adopt(credentials: Credentials): void {
    const old = this.#credentials;
    this.#credentials = credentials;
    if (old.ca === credentials.ca && old.cert === credentials.cert && old.key === credentials.key) return;
    this.#connections.retire();
    this.#connections = this.#connect(credentials);
  }

  async *#chunks(request: Request, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (cause) {
      throw this.#failure(request, cause);
    }
  }

  async #send(request: Request, signal: AbortSignal, idleTimeout?: number): Promise<IncomingMessage> {
    for (let repeats = 0, renewed = false; ; repeats += 1) {
      const credentials = await this.#source.get();
      this.#adopt(credentials);
      const response = await this.#dispatch(request, signal, idleTimeout);
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) return response;
      const error = responseError(request, status, await textOf(request, response), this.#server);
      if (isKubeError(error, 'UNAUTHORIZED') && !renewed) {
        // The answer says that nothing was done; with newer credentials, perhaps read for another request, it may be.
        await this.#source.renew();
        renewed = (await this.#source.get()) !== credentials;
        if (renewed) continue;
      }
      const seconds = retryAfterSeconds(response, error);
      if (seconds === undefined || repeats >= maxRepeats) throw error;
      await delay(seconds * 1000, signal);
      signal.throwIfAborted();
    }
  }

  /** One attempt; a GET whose kept-alive connection turned out to be dead gets a second one. */
  async #dispatch(request: Request, signal: AbortSignal, idleTimeout?: number): Promise<IncomingMessage> {
    const exchange = { ...this.#exchange(request), signal, idleTimeout };
    try {
      return await this.#connections.exchange(exchange);
    } catch (cause) {
      // A server may close an idle connection in the moment in which we use it; only what is idempotent is sent again
      // (RFC 9110, 9.2.2).
      const dead = ['ECONNRESET', 'EPIPE'].includes(causeCode(cause));
      if (!dead || request.method !== 'GET' || signal.aborted) throw cause;
      return await this.#connections.exchange(exchange);
    }
  }

  #exchange(request: Request): Omit<Exchange, 'signal'> {
    const query = request.query === undefined || request.query.size === 0 ? '' : `?${request.query}`;
    const contentType = { 'content-type': request.contentType ?? 'application/json' };
    const { token } = this.#credentials;
    return {
      method: request.method,
      path: `${this.#prefix}${request.path}${query}`,
      headers: {
        accept: request.accept ?? 'application/json',
        'user-agent': this.#connection.userAgent ?? 'varve',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(request.body === undefined ? {} : contentType),
      },
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
    };
  }

  #failure(request: Request, cause: unknown, deadline?: AbortSignal): unknown {
    if (request.signal?.aborted) {
      // Whoever gives up may have waited on a dead connection; see below.
      this.#connections.dropIdle();
      return request.signal.reason;
    }
    if (cause instanceof KubeError) return cause;
    const error = deadline?.aborted
      ? new KubeError(
          'TIMEOUT',
          `${request.method} ${request.path}: ${this.#server} did not answer in time; try again.`,
          {
            cause,
          },
        )
      : connectionError(request, cause, this.#server);
    // Where one connection has died without a word, its idle neighbours have as well: each would cost a wait of its own.
    if (error.code === 'TIMEOUT') this.#connections.dropIdle();
    return error;
  }
}

function parseServer(connection: Connection): URL {
  const url = URL.parse(connection.server);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.search !== '' || url.hash !== '') {
    throw new KubeError(
      'KUBECONFIG_INVALID',
      `"${connection.server}" is not a server address such as https://host:6443.`,
    );
  }
  if (url.protocol === 'http:' && (connection.token !== undefined || connection.cert !== undefined)) {
    throw new KubeError('KUBECONFIG_INVALID', `Credentials are not sent to ${connection.server}: use https.`);
  }
  if ((connection.cert === undefined) !== (connection.key === undefined)) {
    throw new KubeError(
      'KUBECONFIG_INVALID',
      'A client certificate and its key belong together; one of them is missing.',
    );
  }
  return url;
}

function checkProxy({ proxy }: Connection): void {
  if (proxy === undefined) return;
  const url = URL.parse(proxy);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return;
  // Without the text itself: it may hold a password.
  const problem = url === null ? 'no URL' : `a ${url.protocol} URL`;
  throw new KubeError('KUBECONFIG_INVALID', `The proxy is ${problem}; give one such as http://host:3128.`);
}

/** Seconds to wait before a repeat that the server invites: only answers that carry Retry-After did not act. */
function retryAfterSeconds(response: IncomingMessage, error: KubeError): number | undefined {
  if (error.code !== 'TOO_MANY_REQUESTS' && (response.statusCode ?? 0) < 500) return undefined;
  const header = response.headers['retry-after'];
  const seconds = header !== undefined && /^[0-9]+$/.test(header) ? Number(header) : undefined;
  return seconds !== undefined && seconds <= maxRetryAfterSeconds ? seconds : undefined;
}

async function textOf(request: Request, response: IncomingMessage, maxBytes = defaultMaxBytes): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) {
      const message = `${request.method} ${request.path}: the answer has more than ${maxBytes} bytes; is it an API server?`;
      throw new KubeError('MALFORMED_RESPONSE', message);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseAnswer(request: Request, text: string, server: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${request.method} ${request.path}: ${server} answered with something else than JSON; is it an API server?`;
    throw new KubeError('MALFORMED_RESPONSE', message, { cause });
  }
}
