import type { FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from './error.ts';
import type { RegistryStorage } from './storage/storage.ts';

export type RegistryAction = 'pull' | 'push' | 'delete';

/**
 * Decides whether a request may do something; throws RegistryError UNAUTHORIZED or DENIED where not. Without a repository
 * the question is whether the request may talk to the registry at all.
 */
export type Authorize = (
  request: FastifyRequest,
  action: RegistryAction,
  repository: string | undefined,
) => Promise<void> | void;

/** One request with what its handler needs. */
export interface Call {
  storage: RegistryStorage;
  authorize: Authorize;
  /** Milliseconds without a byte after which a client counts as gone. */
  idleTimeout: number;
  request: FastifyRequest;
  reply: FastifyReply;
  query: URLSearchParams;
}

export function header(call: Call, name: string): string | undefined {
  const value = call.request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The body as it arrives. Ending early leaves the connection usable for the answer. */
export async function* bodyOf({ request, idleTimeout }: Call): AsyncGenerator<Uint8Array, void, undefined> {
  const timer = setTimeout(() => request.raw.destroy(new Error('the client sends nothing any more')), idleTimeout);
  try {
    const chunks: AsyncIterable<Uint8Array> = request.raw.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a refusal is to be told as "there is nothing". */
export async function mayPull({ authorize, request }: Call, repository: string): Promise<boolean> {
  try {
    await authorize(request, 'pull', repository);
    return true;
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}
