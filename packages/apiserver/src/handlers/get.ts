// GET of one object.
import type { Answer, RequestContext } from '../context.ts';
import { parseRevision } from '../query.ts';
import { answerObject } from '../represent.ts';
import { type Access, checkSubresource, missing, requestedKey } from './access.ts';
import { waitForRevision } from './wait.ts';

export async function get(access: Access, context: RequestContext): Promise<Answer> {
  checkSubresource(context);
  const { revision } = parseRevision(
    new URLSearchParams({ resourceVersion: context.query.get('resourceVersion') ?? '' }),
    false,
  );
  await waitForRevision(access.store, revision, context.signal);
  const stored = access.store.get(requestedKey(context));
  if (stored === undefined) throw missing(context);
  return answerObject(context, stored);
}
