// GET of a collection (kubernetes.io API concepts, "Resource versions" and "Retrieving large results sets in chunks").
import type { Answer, RequestContext } from '../context.ts';
import { forbiddenOption, listInvalid, parseCount, parseRevision } from '../query.ts';
import { answerList } from '../represent.ts';
import { badRequest, expired } from '../status.ts';
import type { Position, Stored } from '../store/change.ts';
import { type Access, keyOf } from './access.ts';
import { type ContinueToken, formatContinueToken, parseContinueToken } from './continue-token.ts';
import { isSelective, parseSelection, type Selection, selects } from './selection.ts';
import { waitForRevision } from './wait.ts';

interface Page {
  readonly revision: number;
  readonly items: Stored[];
  /** Set when more objects follow. */
  readonly next: Position | undefined;
}

export async function list(access: Access, context: RequestContext): Promise<Answer> {
  const { query } = context;
  if (query.has('sendInitialEvents')) {
    throw listInvalid(forbiddenOption('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  const { revision, match } = parseRevision(query, false);
  const limit = parseCount(query, 'limit') ?? 0;
  const token = continueToken(query, revision);
  const selection = parseSelection(context);
  await waitForRevision(access.store, revision, context.signal);
  const exact = match === 'Exact' || (match === '' && limit > 0 && revision !== undefined && revision > 0);
  const at = token?.revision ?? (exact ? revision : undefined);
  const page = readPage(access, context, selection, at, token?.after, limit);
  if (page === undefined) throw tooOld(token);
  const following = page.next === undefined ? {} : followingPage(access, context, selection, page, page.next);
  return answerList(context, page.items, { resourceVersion: String(page.revision), ...following });
}

function continueToken(query: URLSearchParams, revision: number | undefined): ContinueToken | undefined {
  const text = query.get('continue') ?? '';
  if (text === '') return undefined;
  if (revision !== undefined && revision !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  return parseContinueToken(text);
}

/** The fresh token goes on at any revision: clients take it when they can live with an inconsistent list. */
function tooOld(token: ContinueToken | undefined) {
  if (token === undefined) return expired('The resourceVersion for the provided list is too old.');
  const fresh = formatContinueToken({ revision: -1, after: token.after });
  return expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.',
    fresh,
  );
}

function readPage(
  access: Access,
  context: RequestContext,
  selection: Selection,
  at: number | undefined,
  after: Position | undefined,
  limit: number,
): Page | undefined {
  const { store } = access;
  const revision = at === undefined || at < 0 ? store.revision : at;
  const source = itemsAt(access, context, selection, revision, after);
  if (source === undefined) return undefined;
  const items: Stored[] = [];
  for (const item of source) {
    if (isSelective(selection) && !selects(selection, item.object)) continue;
    if (limit > 0 && items.length === limit) {
      const last = items.at(-1)?.object.metadata;
      return { revision, items, next: { namespace: last?.namespace ?? '', name: last?.name ?? '' } };
    }
    items.push(item);
  }
  return { revision, items, next: undefined };
}

function itemsAt(
  { store }: Access,
  { resource }: RequestContext,
  selection: Selection,
  revision: number,
  after: Position | undefined,
): Iterable<Stored> | undefined {
  const { name, namespace } = selection;
  // A list of one name, as `kubectl wait` asks for, reads one object.
  if (name !== undefined && namespace !== undefined && revision === store.revision) {
    const stored = store.get(keyOf(resource, namespace, name));
    return stored === undefined ? [] : [stored];
  }
  const scope = { resource: resource.id, namespace: resource.namespaced ? namespace : undefined };
  return store.listAt(revision, scope, after);
}

function followingPage(access: Access, { resource }: RequestContext, selection: Selection, page: Page, next: Position) {
  const token = formatContinueToken({ revision: page.revision, after: next });
  if (isSelective(selection)) return { continue: token };
  // Clients take the number for an estimate: objects that came or went since the first page are not accounted for.
  const scope = { resource: resource.id, namespace: resource.namespaced ? selection.namespace : undefined };
  return { continue: token, remainingItemCount: access.store.count(scope, next) };
}

/** Everything that the request selects now, for deletecollection. */
export function selectItems(access: Access, context: RequestContext): Stored[] {
  const selection = parseSelection(context);
  const limit = parseCount(context.query, 'limit') ?? 0;
  return readPage(access, context, selection, undefined, undefined, limit)?.items ?? [];
}
