// Server-side apply as a client calls it, for the tests of the handlers.
import { listAt, valueAt } from '@varve/api';
import { type Reply, startTestClient } from '../test-client.ts';

export const applyType = 'application/apply-patch+yaml';

export async function startApplyClient() {
  const client = await startTestClient();
  return {
    ...client,
    apply(path: string, manager: string, body: unknown, query = ''): Promise<Reply> {
      return client.call('PATCH', `${path}?fieldManager=${manager}${query}`, { body, type: applyType });
    },
  };
}

/** Fields by `operation manager subresource`. */
export function managersOf(reply: Reply): Record<string, unknown> {
  const entries = listAt(reply.body, 'metadata', 'managedFields');
  const name = (entry: unknown) =>
    [valueAt(entry, 'operation'), valueAt(entry, 'manager'), valueAt(entry, 'subresource')].filter(Boolean).join(' ');
  return Object.fromEntries(entries.map((entry) => [name(entry), valueAt(entry, 'fieldsV1')]));
}
