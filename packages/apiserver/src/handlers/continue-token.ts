// Continue tokens: where the next page starts, and at which revision. Opaque to clients; the form is upstream's.
import { isRecord } from '../object.ts';
import { badRequest } from '../status.ts';
import type { Position } from '../store/change.ts';

export interface ContinueToken {
  /** -1: any revision, after the first page's fell out of the history. */
  readonly revision: number;
  readonly after: Position;
}

export function formatContinueToken({ revision, after }: ContinueToken): string {
  const body = { v: 'meta.k8s.io/v1', rv: revision, start: `${after.namespace}/${after.name}` };
  return Buffer.from(JSON.stringify(body)).toString('base64url');
}

/** Throws 400. */
export function parseContinueToken(text: string): ContinueToken {
  try {
    const body: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (
      isRecord(body) &&
      body.v === 'meta.k8s.io/v1' &&
      typeof body.start === 'string' &&
      Number.isSafeInteger(body.rv)
    ) {
      const slash = body.start.indexOf('/');
      const after = { namespace: body.start.slice(0, Math.max(slash, 0)), name: body.start.slice(slash + 1) };
      return { revision: Number(body.rv), after };
    }
  } catch {
    // Reported below, as every token that this server did not write.
  }
  throw badRequest('continue key is not valid: invalid continue token: it was not made by this server');
}
