// HTTP exchanges over kept-alive connections, by Node's own client. Its parser is native: libraries that bring their own as
// WebAssembly cost a process that mostly waits 10 MB of memory.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { anySignal } from './abort.ts';

export interface Exchange {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds without a byte after which the connection counts as dead; none unless given. */
  readonly idleTimeout?: number | undefined;
}

export interface ConnectionsOptions {
  readonly maxConnections: number;
  /** Milliseconds for connecting and shaking hands. */
  readonly connectTimeout: number;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername'>;
  /** URL of a proxy to go through. */
  readonly proxy?: string | undefined;
  /** Ends all exchanges. */
  readonly signal: AbortSignal;
}

/** Connections to one server. */
export class Connections {
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #connectTimeout: number;
  readonly #signal: AbortSignal;

  constructor(url: URL, { maxConnections, connectTimeout, tls, proxy, signal }: ConnectionsOptions) {
    this.#url = url;
    this.#connectTimeout = connectTimeout;
    this.#signal = signal;
    // Node makes the tunnel, and trusts the system's authorities where the proxy itself has a certificate.
    const proxyEnv = proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } };
    const options = { keepAlive: true, maxSockets: maxConnections, ...proxyEnv };
    this.#agent = isSecure(url) ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
  }

  /** The answer, its body still to be read or destroyed. Rejects with what the system, TLS or the parser says. */
  async exchange(exchange: Exchange): Promise<IncomingMessage> {
    const { method, path, headers, body, idleTimeout } = exchange;
    const signal = anySignal(exchange.signal, this.#signal);
    const options: RequestOptions = {
      hostname: this.#url.hostname.replace(/^\[|\]$/g, ''),
      port: this.#url.port,
      method,
      path,
      // Node counts the bytes of a body by itself for methods only that usually have one; DELETE is none of them.
      headers: body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      agent: this.#agent,
      signal,
    };
    const answer = Promise.withResolvers<IncomingMessage>();
    const request = isSecure(this.#url) ? httpsRequest(options) : httpRequest(options);
    request.on('response', answer.resolve);
    request.on('error', answer.reject);
    request.on('socket', (socket) => {
      // Behind a proxy the handshake is over before the request has its socket.
      const isReady = isSecure(this.#url)
        ? 'secureConnecting' in socket && !socket.secureConnecting
        : !socket.connecting;
      if (request.reusedSocket || isReady) return;
      const timer = setTimeout(() => request.destroy(new SilenceError('no connection')), this.#connectTimeout);
      const clear = () => clearTimeout(timer);
      socket.once(isSecure(this.#url) ? 'secureConnect' : 'connect', clear);
      socket.once('close', clear);
    });
    if (idleTimeout !== undefined) {
      // Whoever reads the answer by then hears of it through the answer.
      let waiting: { destroy(error: Error): unknown } = request;
      request.once('response', (response) => {
        waiting = response;
      });
      request.setTimeout(idleTimeout, () => waiting.destroy(new SilenceError('no bytes')));
    }
    request.end(body);
    return await answer.promise;
  }

  /** Begins no more exchanges; those that run go on, and no connection outlives its last one. */
  retire(): void {
    this.#agent.maxFreeSockets = 0;
    this.dropIdle();
  }

  /** Closes the connections that nobody uses at the moment. */
  dropIdle(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  /** Closes all connections. */
  close(): void {
    this.#agent.destroy();
  }
}

/** Of a server that says nothing for too long. */
class SilenceError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(what: string) {
    super(`${what} in time`);
  }
}

function isSecure(url: URL): boolean {
  return url.protocol === 'https:';
}
