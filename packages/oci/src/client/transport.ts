// One HTTP exchange with a registry: connections, timeouts and redirects. Credentials and client certificates go to the
// registry's own origin and nowhere else.
import { Readable } from 'node:stream';
import type { Agent, Dispatcher, request as sendRequest } from 'undici';
import { OciError } from '../error.ts';

const maximumRedirects = 5;
const redirectStatuses = [301, 302, 303, 307, 308];

export interface TransportOptions {
  ca?: string;
  cert?: string;
  key?: string;
  insecure: boolean;
  /** Whether the registry's certificate must be known. */
  verify: boolean;
  userAgent: string;
  /** Milliseconds without a byte after which a connection counts as broken. */
  idleTimeout: number;
}

export interface Exchange {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  url: URL;
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
  body?: { size: number; open: () => AsyncIterable<Uint8Array> };
}

export interface Answer {
  status: number;
  /** Where it came from, behind redirects. */
  url: URL;
  headers: Dispatcher.ResponseData['headers'];
  body: Dispatcher.ResponseData['body'];
}

export class Transport {
  readonly #options: TransportOptions;
  #connections: Promise<Connections> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and follows redirects.
   * @throws OciError REGISTRY_PROTOCOL for redirects that lead nowhere safe; what undici throws for broken connections
   */
  async exchange({ method, url, headers, signal, body }: Exchange): Promise<Answer> {
    this.#connections ??= openConnections(this.#options);
    const { request, registryAgent, otherAgent } = await this.#connections;
    let target = url;
    let isHome = true;
    for (let redirects = 0; redirects <= maximumRedirects; redirects += 1) {
      const response = await request(target, {
        method,
        headers: {
          'user-agent': this.#options.userAgent,
          ...(body !== undefined && { 'content-length': String(body.size) }),
          ...(isHome ? headers : withoutAuthorization(headers)),
        },
        ...(body !== undefined && { body: Readable.from(body.open(), { objectMode: false }) }),
        dispatcher: isHome ? registryAgent : otherAgent,
        ...(signal !== undefined && { signal }),
      });
      const location = headerText(response.headers, 'location');
      // What has a body is sent where the registry said before, and nowhere else.
      if (!redirectStatuses.includes(response.statusCode) || location === undefined || body !== undefined) {
        return { status: response.statusCode, url: target, headers: response.headers, body: response.body };
      }
      await discard(response.body);
      target = this.#redirectTarget(location, target);
      // Once elsewhere, never again with credentials: the way back was chosen by another host.
      isHome &&= target.origin === url.origin;
    }
    throw new OciError(
      'REGISTRY_PROTOCOL',
      `${url.origin} redirects more than ${maximumRedirects} times for ${url.pathname}; check the registry`,
    );
  }

  async close(): Promise<void> {
    const connections = await this.#connections;
    await Promise.all([connections?.registryAgent.destroy(), connections?.otherAgent.destroy()]);
  }

  #redirectTarget(location: string, base: URL): URL {
    const target = URL.parse(location, base);
    const allowed = this.#options.insecure ? ['https:', 'http:'] : ['https:'];
    if (target !== null && allowed.includes(target.protocol) && target.username === '' && target.password === '')
      return target;
    throw new OciError(
      'REGISTRY_PROTOCOL',
      `${base.origin} redirects ${base.pathname} to what is not an ${allowed.join(' or ')} address; check the registry`,
    );
  }
}

export function headerText(headers: Answer['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function headerTexts(headers: Answer['headers'], name: string): string[] {
  const value = headers[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Whether a registry speaks HTTPS, with whatever certificate. */
export async function answersHttps(registry: string): Promise<boolean> {
  const wait = 5_000;
  const { Agent, request } = await import('undici');
  const agent = new Agent({
    connect: { timeout: wait, rejectUnauthorized: false },
    headersTimeout: wait,
    bodyTimeout: wait,
  });
  try {
    await discard((await request(`https://${registry}/v2/`, { dispatcher: agent })).body);
    return true;
  } catch {
    return false;
  } finally {
    await agent.destroy();
  }
}

/** Lets go of a body that nobody reads, so that its connection can be used again. */
export async function discard(body: Answer['body']): Promise<void> {
  try {
    await body.dump({ limit: 64 * 1024 });
  } catch {
    // The connection broke: there is nothing left to let go of.
  }
}

/**
 * Reads a whole body of at most `limit` bytes.
 * @throws OciError REGISTRY_PROTOCOL where it has more; what undici throws for broken connections
 */
export async function readBody(body: Answer['body'], limit: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const source: AsyncIterable<Uint8Array> = body;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limit)
      throw new OciError('REGISTRY_PROTOCOL', `${what} has more than ${limit} bytes; check the registry`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Connections {
  readonly request: typeof sendRequest;
  readonly registryAgent: Agent;
  /** For hosts that a registry sends us to: without the client certificate. */
  readonly otherAgent: Agent;
}

/** Loads undici, which takes 15 MB of memory: an agent that idles for months has no use for it. */
async function openConnections(options: TransportOptions): Promise<Connections> {
  const { Agent, request } = await import('undici');
  return {
    request,
    registryAgent: new Agent(agentOptions(options, true)),
    otherAgent: new Agent(agentOptions(options, false)),
  };
}

function agentOptions({ ca, cert, key, idleTimeout, verify }: TransportOptions, isRegistry: boolean): Agent.Options {
  return {
    connect: {
      timeout: 10_000,
      ...(ca !== undefined && { ca }),
      ...(isRegistry && !verify && { rejectUnauthorized: false }),
      ...(isRegistry && cert !== undefined && { cert }),
      ...(isRegistry && key !== undefined && { key }),
    },
    headersTimeout: idleTimeout,
    bodyTimeout: idleTimeout,
  };
}

function withoutAuthorization(headers: Record<string, string>): Record<string, string> {
  const { authorization: _, ...rest } = headers;
  return rest;
}
