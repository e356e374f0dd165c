// Watches (kubernetes.io API concepts, "Efficient detection of changes"; KEP-3157 for streaming lists).
// Headers go out at once. A client that reads too slowly is cut, because everything it has not read waits in memory.
import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { RequestContext } from '../context.ts';
import { negotiate, type Representation } from '../http/negotiate.ts';
import { isTrue } from '../http/request-info.ts';
import type { ApiObject } from '../object.ts';
import { forbiddenOption, listInvalid, notSupported, parseCount, parseRevision } from '../query.ts';
import { eventObjectText } from '../represent.ts';
import { badRequest, expired, type StatusError } from '../status.ts';
import { type Change, Stored } from '../store/change.ts';
import type { Access } from './access.ts';
import { parseSelection, type Selection, selects } from './selection.ts';

const defaultTimeoutSeconds = 1800;
const bookmarkMilliseconds = 60_000;
const finalBookmarkMilliseconds = 2000;
const maxUnreadBytes = 8 * 1024 * 1024;
const maxQueuedChanges = 20_000;
const initialEventsEnd = 'k8s.io/initial-events-end';

interface WatchRequest {
  /** Changes after this revision; undefined: first everything that exists. */
  readonly since: number | undefined;
  readonly bookmarks: boolean;
  readonly endOfInitialEvents: boolean;
  readonly timeoutMilliseconds: number;
  readonly selection: Selection;
  readonly representation: Representation;
}

/** Everything that can be wrong is thrown here, before the stream begins. */
export function parseWatch(context: RequestContext): WatchRequest {
  const { query } = context;
  const { revision, match } = parseRevision(query, true);
  const bookmarks = query.has('allowWatchBookmarks') && isTrue(query.get('allowWatchBookmarks'));
  const initial = query.get('sendInitialEvents');
  const sendInitial = initial === null || initial === '' ? undefined : isTrue(initial);
  if (sendInitial !== undefined && match !== 'NotOlderThan') {
    throw listInvalid(
      forbiddenOption(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
      ...(match === '' ? [] : [notSupported('resourceVersionMatch', match, ['NotOlderThan'])]),
    );
  }
  if (sendInitial === undefined && match !== '') {
    throw listInvalid(
      forbiddenOption(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  }
  const timeout = parseCount(query, 'timeoutSeconds') ?? 0;
  const seconds = timeout > 0 ? Math.min(timeout, 86_400) : defaultTimeoutSeconds + randomInt(defaultTimeoutSeconds);
  const everythingFirst = sendInitial ?? (revision === undefined || revision === 0);
  return {
    since: everythingFirst ? undefined : (revision ?? 0),
    bookmarks,
    endOfInitialEvents: sendInitial === true && bookmarks,
    timeoutMilliseconds: seconds * 1000,
    selection: parseSelection(context),
    representation: watchRepresentation(context.accept),
  };
}

function watchRepresentation(accept: string | undefined): Representation {
  const representation = negotiate(accept, false);
  if (representation.format === 'yaml') throw badRequest('a watch cannot be sent as YAML; accept application/json');
  return representation;
}

/** Streams until the client goes, the time is up or the server stops. Returns how to stop it. */
export function watch(
  access: Access,
  context: RequestContext,
  request: WatchRequest,
  response: ServerResponse,
): () => void {
  const stream = new WatchStream(access, context, request, response);
  try {
    stream.start();
  } catch (error) {
    // The headers are sent: of changes that the disk has lost, the client learns by the end of the stream.
    stream.cut();
    throw error;
  }
  return () => stream.end();
}

class WatchStream {
  readonly #access: Access;
  readonly #context: RequestContext;
  readonly #request: WatchRequest;
  readonly #response: ServerResponse;
  readonly #cleanups: (() => void)[] = [];
  /** Changes that arrive while the initial state is sent; undefined afterwards. */
  #queue: Change[] | undefined = [];
  /** Changes up to this revision are known to the client. */
  #floor = 0;
  #first = true;
  #ended = false;

  constructor(access: Access, context: RequestContext, request: WatchRequest, response: ServerResponse) {
    this.#access = access;
    this.#context = context;
    this.#request = request;
    this.#response = response;
  }

  start(): void {
    const { store } = this.#access;
    const { selection, timeoutMilliseconds, since, bookmarks } = this.#request;
    this.#response.on('close', () => this.end());
    this.#response.on('error', () => this.end());
    this.#response.flushHeaders();
    const scope = { resource: this.#context.resource.id, ...scopeOf(selection, this.#context) };
    const begin = store.revision;
    this.#cleanups.push(store.watch(scope, (change) => this.#take(change)));
    this.#after(timeoutMilliseconds, () => this.end());
    if (bookmarks) {
      const timer = setInterval(() => this.#bookmark(), bookmarkMilliseconds);
      this.#cleanups.push(() => clearInterval(timer));
      this.#after(timeoutMilliseconds - finalBookmarkMilliseconds, () => this.#bookmark());
    }
    if (since === undefined) {
      this.#sendInitial(begin)
        .then(() => this.#goLive(begin))
        .catch(() => this.cut());
      return;
    }
    const missed = store.changesAfter(since, scope);
    if (missed === undefined) {
      this.#fail(expired(`too old resource version: ${since} (${store.revision})`));
      return;
    }
    for (const change of missed) this.#send(change);
    this.#goLive(Math.max(since, begin));
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const cleanup of this.#cleanups) cleanup();
    this.#queue = undefined;
    this.#response.end();
  }

  #after(milliseconds: number, action: () => void): void {
    const timer = setTimeout(action, Math.max(milliseconds, 0));
    this.#cleanups.push(() => clearTimeout(timer));
  }

  #take(change: Change): void {
    if (this.#queue === undefined) this.#send(change);
    else if (this.#queue.length < maxQueuedChanges) this.#queue.push(change);
    else this.cut();
  }

  #goLive(after: number): void {
    const queue = this.#queue ?? [];
    this.#queue = undefined;
    this.#floor = after;
    for (const change of queue) this.#send(change);
  }

  /** Sends what exists at `revision`, waiting for the client wherever it reads slowly. */
  async #sendInitial(revision: number): Promise<void> {
    const { resource } = this.#context;
    const { selection } = this.#request;
    const { name, namespace } = selection;
    const { store } = this.#access;
    if (name !== undefined && namespace !== undefined) {
      const stored = store.get({ resource: resource.id, namespace, name });
      if (stored !== undefined && selects(selection, stored.object)) this.#write('ADDED', stored);
    } else {
      await this.#sendPages(revision);
    }
    if (this.#request.endOfInitialEvents) this.#bookmark(revision, true);
  }

  async #sendPages(revision: number): Promise<void> {
    const { resource } = this.#context;
    const { selection } = this.#request;
    const scope = { resource: resource.id, namespace: resource.namespaced ? selection.namespace : undefined };
    let after: { namespace: string; name: string } | undefined;
    for (;;) {
      const page = this.#access.store.listAt(revision, scope, after);
      if (page === undefined) {
        this.#fail(expired(`too old resource version: ${revision} (${this.#access.store.revision})`));
        return;
      }
      let full = false;
      for (const stored of page) {
        if (selects(selection, stored.object)) full = !this.#write('ADDED', stored);
        const { metadata } = stored.object;
        after = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
        if (full || this.#ended) break;
      }
      if (!full || this.#ended) return;
      await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#response.once('drain', resolve);
      this.#cleanups.push(resolve);
    });
  }

  /** A change that enters the selection is an ADDED, one that leaves it a DELETED. */
  #send({ revision, type, current, previous }: Change): void {
    if (revision <= this.#floor) return;
    const { selection } = this.#request;
    const was = previous !== undefined && selects(selection, previous.object);
    const is = type === 'put' && selects(selection, current.object);
    if (is) this.#write(was ? 'MODIFIED' : 'ADDED', current);
    else if (was) this.#write('DELETED', type === 'put' ? asItWas(previous, current) : current);
  }

  #bookmark(revision = this.#access.store.revision, initialEnd = false): void {
    // While the initial state is under way, the current revision would promise too much.
    if (this.#queue !== undefined && !initialEnd) return;
    const { definition, apiVersion } = this.#context.resource;
    const metadata = {
      resourceVersion: String(revision),
      ...(initialEnd ? { annotations: { [initialEventsEnd]: 'true' } } : {}),
    };
    const object: ApiObject = { kind: definition.kind, apiVersion, metadata };
    this.#write('BOOKMARK', Stored.fromObject(object));
  }

  /** False when the client should be given time to read. */
  #write(type: string, stored: Stored): boolean {
    if (this.#ended) return false;
    const context = { ...this.#context, now: new Date() };
    const object = eventObjectText(context, this.#request.representation, stored, this.#first);
    this.#first = false;
    const flowing = this.#response.write(`{"type":"${type}","object":${object}}\n`);
    if (this.#response.writableLength > maxUnreadBytes && this.#queue === undefined) this.cut();
    return flowing;
  }

  #fail(error: StatusError): void {
    if (!this.#ended) this.#response.write(`${JSON.stringify({ type: 'ERROR', object: error.status })}\n`);
    this.end();
  }

  cut(): void {
    this.end();
    this.#response.destroy();
  }
}

/** The last state that the client knew of, at the version of the change: it may know objects by what was selected. */
function asItWas(previous: Stored, current: Stored): Stored {
  const { resourceVersion = '' } = current.object.metadata;
  return Stored.fromObject({ ...previous.object, metadata: { ...previous.object.metadata, resourceVersion } });
}

function scopeOf({ name, namespace }: Selection, { resource }: RequestContext) {
  return { name, namespace: resource.namespaced ? namespace : undefined };
}
