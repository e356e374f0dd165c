import { OciError } from '../error.ts';
import { backoffDelay, type RetryPolicy, waitFor } from './backoff.ts';
import { unreachable } from './failure.ts';
import { type Answer, headerText } from './transport.ts';

/** A connection that brought this much was worth it: the attempts count from the beginning again. */
const worthwhileProgress = 64 * 1024;

export interface Download {
  registry: string;
  /** Names the content in messages. */
  what: string;
  size: number;
  policy: RetryPolicy;
  signal: AbortSignal | undefined;
  /** Asks for the content from an offset on. Answers with 200 or 206. */
  open: (offset: number) => Promise<Answer>;
}

/**
 * The bytes of a blob, from a connection that is opened and from as many others as it takes. They are not verified here.
 * @throws OciError REGISTRY_UNREACHABLE, REGISTRY_PROTOCOL, and what `open` throws
 */
export async function* download(first: Answer, request: Download): AsyncGenerator<Uint8Array, void, undefined> {
  let answer = first;
  let offset = 0;
  let failures = 0;
  for (;;) {
    const start = offset;
    try {
      for await (const chunk of bodyFrom(answer, offset, request.what)) {
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof OciError) throw error;
      if (offset >= request.size) return;
      failures = offset - start >= worthwhileProgress ? 1 : failures + 1;
      if (failures >= request.policy.attempts) throw unreachable(request.registry, request.what, error);
    }
    await waitFor(backoffDelay(failures - 1, request.policy, Math.random()), request.signal);
    answer = await request.open(offset);
  }
}

/** The body from the offset that was asked for, also from a server that knows no ranges and begins at the beginning. */
async function* bodyFrom(answer: Answer, offset: number, what: string): AsyncGenerator<Uint8Array, void, undefined> {
  let surplus = offset;
  if (answer.status === 206) {
    const range = headerText(answer.headers, 'content-range') ?? '';
    if (!range.startsWith(`bytes ${offset}-`)) {
      answer.body.destroy();
      throw new OciError(
        'REGISTRY_PROTOCOL',
        `${what} was asked for from byte ${offset} on and came as ${JSON.stringify(range.slice(0, 100))}; check the registry`,
      );
    }
    surplus = 0;
  }
  const body: AsyncIterable<Uint8Array> = answer.body;
  for await (const chunk of body) {
    const skipped = Math.min(surplus, chunk.length);
    surplus -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}
