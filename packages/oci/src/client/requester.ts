// Requests for one repository's content: tried again while that can help, and answered when the registry asks who we are.
import { OciError } from '../error.ts';
import type { ImageReference } from '../reference.ts';
import type { Authenticator } from './authenticator.ts';
import { backoffDelay, parseRetryAfter, type RetryPolicy, waitFor } from './backoff.ts';
import { errorDetail, isRetryableFailure, isRetryableStatus, refused, unreachable } from './failure.ts';
import { type Answer, discard, headerText, readBody, type Transport } from './transport.ts';

export interface RegistryRequest {
  reference: ImageReference;
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** Below `/v2/<repository>/`; or a whole address that the registry named. */
  path: string | URL;
  /** What is sent, opened anew for each attempt. */
  body?: RequestBody;
  /** Names the content in messages. */
  what: string;
  headers: Record<string, string>;
  signal: AbortSignal | undefined;
  /** Statuses, besides 200 and 206, that are the caller's to understand. */
  accepted?: readonly number[];
}

export interface RequestBody {
  size: number;
  open: () => AsyncIterable<Uint8Array>;
}

export interface RequesterOptions {
  transport: Transport;
  authenticator: Authenticator;
  scheme: 'http' | 'https';
  policy: RetryPolicy;
}

/** Its methods throw OciError: IMAGE_NOT_FOUND, REGISTRY_*. */
export class Requester {
  readonly #transport: Transport;
  readonly #authenticator: Authenticator;
  readonly #scheme: 'http' | 'https';
  readonly #policy: RetryPolicy;

  constructor({ transport, authenticator, scheme, policy }: RequesterOptions) {
    this.#transport = transport;
    this.#authenticator = authenticator;
    this.#scheme = scheme;
    this.#policy = policy;
  }

  /** A small body as a whole; tried again where its connection breaks. */
  async read(request: RegistryRequest, limit: number): Promise<{ bytes: Uint8Array; headers: Answer['headers'] }> {
    return this.#retry(request, async () => {
      const answer = await this.#attempt(request);
      return { bytes: await readBody(answer.body, limit, request.what), headers: answer.headers };
    });
  }

  /** An answer of status 200 or 206, or one that the request accepts; its body is then the caller's to read. */
  async open(request: RegistryRequest): Promise<Answer> {
    return this.#retry(request, () => this.#attempt(request));
  }

  /**
   * An answer as `open` gives it, from one attempt: for what cannot simply be repeated.
   * @throws also what undici throws for broken connections
   */
  async once(request: RegistryRequest): Promise<Answer> {
    return this.#attempt(request);
  }

  async #retry<T>(request: RegistryRequest, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures += 1) {
      request.signal?.throwIfAborted();
      let retryAfter: number | undefined;
      try {
        return await attempt();
      } catch (error) {
        request.signal?.throwIfAborted();
        const last = failures + 1 >= this.#policy.attempts;
        if (last || !isRetryableFailure(error)) throw unreachable(request.reference.registry, request.what, error);
        retryAfter = error instanceof BusyError ? error.retryAfter : undefined;
      }
      await waitFor(retryAfter ?? backoffDelay(failures, this.#policy, Math.random()), request.signal);
    }
  }

  /** One request, with a second one where the registry first asks who we are. */
  async #attempt(request: RegistryRequest): Promise<Answer> {
    let answer = await this.#send(request, this.#authenticator.authorization(request.reference));
    if (answer.status === 401) {
      await discard(answer.body);
      const authorization = await this.#authenticator.answer(request.reference, answer.headers, request.signal);
      if (authorization !== undefined) answer = await this.#send(request, authorization);
    }
    if (answer.status === 200 || answer.status === 206 || request.accepted?.includes(answer.status)) return answer;
    throw await failure(request, answer);
  }

  async #send(request: RegistryRequest, authorization: string | undefined): Promise<Answer> {
    const { registry, repository } = request.reference;
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    const home = new URL(`${this.#scheme}://${host}/v2/${repository}/`);
    const url = typeof request.path === 'string' ? new URL(request.path, home) : request.path;
    const isHome = url.origin === home.origin;
    return this.#transport.exchange({
      method: request.method,
      url,
      headers: authorization === undefined || !isHome ? request.headers : { ...request.headers, authorization },
      signal: request.signal,
      ...(request.body !== undefined && { body: request.body }),
    });
  }
}

/** The registry asks to wait. */
class BusyError extends OciError {
  readonly retryAfter: number | undefined;

  constructor(error: OciError, retryAfter: number | undefined) {
    super(error.code, error.message);
    this.retryAfter = retryAfter;
  }
}

async function failure(request: RegistryRequest, answer: Answer): Promise<OciError> {
  let detail = '';
  try {
    detail = errorDetail(await readBody(answer.body, 64 * 1024, request.what));
  } catch {
    // The status says enough.
  }
  const error = refused(request.reference.registry, request.what, answer.status, detail);
  if (!isRetryableStatus(answer.status)) return error;
  return new BusyError(error, parseRetryAfter(headerText(answer.headers, 'retry-after'), Date.now()));
}
