// One HTTP request to an API server: connection pool, deadline, repeats where a repeat is safe, and every failure as a
// KubeError. What the bytes mean is the client's business.
import { type Dispatcher, Pool } from 'undici';
import { anySignal, Deadline, delay } from './abort.ts';
import type { Connection } from './connection.ts';
import { KubeError } from './error.ts';
import { causeCode, connectionError, responseError } from './failure.ts';

/** Milliseconds for one request with its repeats; a page of 500 large objects over a slow line fits. */
const requestTimeout = 60_000;
const connectTimeout = 15_000;
/** Bounds of the repeats that a server asks for by Retry-After, as client-go repeats them. */
const maxRepeats = 5;
const maxRetryAfterSeconds = 10;
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
  readonly signal?: AbortSignal | undefined;
}

interface Bounds {
  readonly headersTimeout?: number;
  readonly bodyTimeout?: number;
}

export class Transport {
  readonly #pool: Pool;
  readonly #server: string;
  readonly #prefix: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(connection: Connection) {
    const url = parseServer(connection);
    this.#server = connection.server;
    this.#prefix = url.pathname.replace(/\/+$/, '');
    this.#headers = {
      accept: 'application/json',
      'user-agent': connection.userAgent ?? 'varve',
      ...(connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` }),
    };
    this.#pool = new Pool(url.origin, {
      connections: maxConnections,
      connect: {
        timeout: connectTimeout,
        ...(connection.ca === undefined ? {} : { ca: connection.ca }),
        ...(connection.cert === undefined ? {} : { cert: connection.cert }),
        ...(connection.key === undefined ? {} : { key: connection.key }),
        ...(connection.serverName === undefined ? {} : { servername: connection.serverName }),
      },
    });
  }

  /** The parsed JSON of a successful answer. The caller's abort rejects with its reason, all else with a KubeError. */
  async request(request: Request): Promise<unknown> {
    using deadline = new Deadline(requestTimeout);
    let text: string;
    try {
      const response = await this.#send(request, anySignal(request.signal, deadline.signal), {});
      text = await response.body.text();
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
      const response = await this.#send(request, signal, { headersTimeout: idleTimeout, bodyTimeout: idleTimeout });
      return this.#chunks(request, response.body);
    } catch (cause) {
      throw this.#failure(request, cause, deadline.signal);
    }
  }

  /** Ends all requests and closes all connections. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async *#chunks(request: Request, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (cause) {
      throw this.#failure(request, cause);
    }
  }

  async #send(request: Request, signal: AbortSignal, bounds: Bounds): Promise<Dispatcher.ResponseData> {
    for (let repeats = 0; ; repeats += 1) {
      const response = await this.#dispatch(request, signal, bounds);
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      const error = responseError(request, response.statusCode, await response.body.text(), this.#server);
      const seconds = retryAfterSeconds(response, error);
      if (seconds === undefined || repeats >= maxRepeats) throw error;
      await delay(seconds * 1000, signal);
      signal.throwIfAborted();
    }
  }

  /** One attempt; a GET whose kept-alive connection turned out to be dead gets a second one. */
  async #dispatch(request: Request, signal: AbortSignal, bounds: Bounds): Promise<Dispatcher.ResponseData> {
    const options = this.#options(request, signal, bounds);
    try {
      return await this.#pool.request(options);
    } catch (cause) {
      // A server may close an idle connection in the moment in which we use it; only what is idempotent is sent again
      // (RFC 9110, 9.2.2).
      const dead = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(causeCode(cause));
      if (!dead || request.method !== 'GET' || signal.aborted) throw cause;
      return await this.#pool.request(options);
    }
  }

  #options(request: Request, signal: AbortSignal, bounds: Bounds): Dispatcher.RequestOptions {
    const query = request.query === undefined || request.query.size === 0 ? '' : `?${request.query}`;
    const contentType = { 'content-type': request.contentType ?? 'application/json' };
    return {
      method: request.method,
      path: `${this.#prefix}${request.path}${query}`,
      headers: {
        ...this.#headers,
        ...(request.accept === undefined ? {} : { accept: request.accept }),
        ...(request.body === undefined ? {} : contentType),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal,
      ...bounds,
    };
  }

  #failure(request: Request, cause: unknown, deadline?: AbortSignal): unknown {
    if (request.signal?.aborted) return request.signal.reason;
    if (cause instanceof KubeError) return cause;
    if (deadline?.aborted) {
      const message = `${request.method} ${request.path}: ${this.#server} did not answer in time; try again.`;
      return new KubeError('TIMEOUT', message, { cause });
    }
    return connectionError(request, cause, this.#server);
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

/** Seconds to wait before a repeat that the server invites: only answers that carry Retry-After did not act. */
function retryAfterSeconds(response: Dispatcher.ResponseData, error: KubeError): number | undefined {
  if (error.code !== 'TOO_MANY_REQUESTS' && response.statusCode < 500) return undefined;
  const header = response.headers['retry-after'];
  const seconds = typeof header === 'string' && /^[0-9]+$/.test(header) ? Number(header) : undefined;
  return seconds !== undefined && seconds <= maxRetryAfterSeconds ? seconds : undefined;
}

function parseAnswer(request: Request, text: string, server: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${request.method} ${request.path}: ${server} answered with something else than JSON; is it an API server?`;
    throw new KubeError('MALFORMED_RESPONSE', message, { cause });
  }
}
