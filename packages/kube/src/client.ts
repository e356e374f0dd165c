// A typed client of the Kubernetes API: one method per verb, for whatever kind a ResourceDefinition describes.
import type { KubeObject, ResourceDefinition } from '@varve/api';
import { type ApplyConfiguration, applyBody } from './apply-configuration.ts';
import type { Connection } from './connection.ts';
import { isKubeError, KubeError } from './error.ts';
import { decodeObject, decodePage, type ObjectList, type Page } from './object.ts';
import { collectionPath, objectPath } from './path.ts';
import { type Request, Transport } from './transport.ts';
import { readWatch, type WatchEvent } from './watch.ts';

export interface RequestOptions {
  /** Required for namespaced kinds, except where all namespaces can be meant (list, watch) or the object names it. */
  readonly namespace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SelectOptions extends RequestOptions {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface WatchOptions extends SelectOptions {
  /** From a list or an event; the stream begins right after it. Absent: with all objects that exist. */
  readonly resourceVersion?: string | undefined;
  /**
   * All objects that exist come first, as ADDED, and then a bookmark that says so (KEP-3157). INVALID where the server
   * cannot; servers older than 1.27 send no such bookmark.
   */
  readonly sendInitialEvents?: boolean;
  /** Milliseconds of silence after which the stream counts as dead; 150 s unless given. */
  readonly idleTimeout?: number | undefined;
}

/** RFC 7386, RFC 6902, Kubernetes' own (built-in kinds only), and server-side apply. */
export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

export interface PatchOptions extends RequestOptions {
  /** `merge` unless given: the one that every kind knows. */
  readonly type?: PatchType;
  readonly subresource?: string;
  /** Required by `apply`. */
  readonly fieldManager?: string;
  /** Only for `apply`: take over fields of other managers. */
  readonly force?: boolean;
}

export interface ApplyOptions extends Omit<RequestOptions, 'namespace'> {
  /** Who applies; the same each time, as the server remembers by it what was applied before. */
  readonly fieldManager: string;
  /** Take over fields that others own instead of CONFLICT; for controllers, which have nobody to ask. */
  readonly force?: boolean;
  readonly subresource?: string;
}

export interface DeleteOptions extends RequestOptions {
  /** Delete only this incarnation; CONFLICT otherwise. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface RawOptions {
  readonly method?: Request['method'];
  readonly body?: unknown;
  readonly contentType?: string;
  /** Media type of the answer; `application/json` unless given. It must be JSON of some kind. */
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

const patchContentTypes: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is YAML; that is what kubectl sends too.
  apply: 'application/apply-patch+yaml',
};

/** Pages of as many objects as kubectl's --chunk-size. */
const firstPage = { limit: '500' };

/** Bytes of a list in one piece, or of an OpenAPI document: 100,000 nodes fit. */
const maxListBytes = 512 * 1024 * 1024;

/** Two and a half times the minute after which a server sends a bookmark (KEP-956). */
const defaultIdleTimeout = 150_000;

/**
 * All methods throw KubeError, or the reason of the caller's abort. Each request ends within 60 s; watches end when
 * they fall silent.
 */
export class KubeClient implements AsyncDisposable {
  readonly #transport: Transport;

  constructor(connection: Connection) {
    this.#transport = new Transport(connection);
  }

  async get<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    name: string,
    options: RequestOptions = {},
  ): Promise<T> {
    const path = objectPath(definition, name, options.namespace);
    return decodeObject(definition, await this.#transport.request({ method: 'GET', path, signal: options.signal }));
  }

  /** All pages. A watch from the list's resourceVersion misses nothing, even where pages are of different moments. */
  async list<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    options: SelectOptions = {},
  ): Promise<ObjectList<T>> {
    const { items, resourceVersion, next: second } = await this.#listPage(definition, options, firstPage);
    for (let next = second; next !== undefined; ) {
      let page: Page<T>;
      try {
        page = await this.#listPage(definition, options, { ...firstPage, continue: next });
      } catch (error) {
        // The server no longer has the moment of the first page: all in one piece then (as client-go's pager).
        if (!isKubeError(error, 'EXPIRED')) throw error;
        return this.#listPage(definition, options, {});
      }
      for (const item of page.items) items.push(item);
      next = page.next;
    }
    return { items, resourceVersion };
  }

  /** With `generateName` in its metadata instead of `name`, the server completes the name. */
  async create<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    object: T,
    options: RequestOptions = {},
  ): Promise<T> {
    const namespace = options.namespace ?? object.metadata.namespace;
    if (definition.scope === 'Namespaced' && namespace === undefined) {
      throw new KubeError('BAD_REQUEST', `A new ${definition.kind} needs a namespace.`);
    }
    const path = collectionPath(definition, namespace);
    const { signal } = options;
    return decodeObject(definition, await this.#transport.request({ method: 'POST', path, body: object, signal }));
  }

  /** Replaces the object. With a resourceVersion in its metadata, CONFLICT when someone changed it since. */
  async update<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    object: T,
    options: RequestOptions & { readonly subresource?: string } = {},
  ): Promise<T> {
    const namespace = options.namespace ?? object.metadata.namespace;
    const path = objectPath(definition, object.metadata.name ?? '', namespace, options.subresource);
    const { signal } = options;
    return decodeObject(definition, await this.#transport.request({ method: 'PUT', path, body: object, signal }));
  }

  /** Replaces the status alone; see update. */
  updateStatus<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    object: T,
    options: RequestOptions = {},
  ): Promise<T> {
    return this.update(definition, object, { ...options, subresource: 'status' });
  }

  async patch<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    name: string,
    patch: object,
    options: PatchOptions = {},
  ): Promise<T> {
    const query = new URLSearchParams();
    if (options.fieldManager !== undefined) query.set('fieldManager', options.fieldManager);
    if (options.force === true) query.set('force', 'true');
    const answer = await this.#transport.request({
      method: 'PATCH',
      path: objectPath(definition, name, options.namespace, options.subresource),
      query,
      body: patch,
      contentType: patchContentTypes[options.type ?? 'merge'],
      signal: options.signal,
    });
    return decodeObject(definition, answer);
  }

  /**
   * Server-side apply: makes the object or changes it so that it has the fields of `configuration`, and removes those that
   * this manager applied before and no longer does. Again and again the same changes nothing. CONFLICT when another
   * manager owns one of the fields with another value.
   */
  async apply<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    configuration: ApplyConfiguration<T>,
    options: ApplyOptions,
  ): Promise<T> {
    const { name, namespace } = configuration.metadata;
    const body = applyBody(definition, configuration);
    return await this.patch(definition, name, body, { ...options, namespace, type: 'apply' });
  }

  /** Asks for the deletion; finalizers may keep the object for a while. */
  async delete<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    name: string,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { uid, resourceVersion, propagationPolicy } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      // JSON leaves undefined members out.
      preconditions: uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion },
      propagationPolicy,
    };
    const path = objectPath(definition, name, options.namespace);
    await this.#transport.request({ method: 'DELETE', path, body, signal: options.signal });
  }

  /**
   * Changes as they happen. The iteration ends when the server ends the stream (which it does every few minutes), and
   * throws EXPIRED when `resourceVersion` is too old, TIMEOUT when the stream falls silent, UNREACHABLE when it breaks.
   */
  async *watch<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const query = selectors(options);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    if (options.resourceVersion !== undefined) query.set('resourceVersion', options.resourceVersion);
    if (options.sendInitialEvents === true) {
      query.set('sendInitialEvents', 'true');
      query.set('resourceVersionMatch', 'NotOlderThan');
    }
    const request: Request = {
      method: 'GET',
      path: collectionPath(definition, options.namespace),
      query,
      signal: options.signal,
    };
    const chunks = await this.#transport.stream(request, options.idleTimeout ?? defaultIdleTimeout);
    yield* readWatch(definition, chunks, request);
  }

  /** Any path of the server, such as `/version`: the parsed JSON of the answer. */
  async raw(path: string, options: RawOptions = {}): Promise<unknown> {
    const { method = 'GET', body, contentType, accept, signal } = options;
    return this.#transport.request({ method, path, body, contentType, accept, signal, maxBytes: maxListBytes });
  }

  /** Ends everything that still runs. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listPage<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    options: SelectOptions,
    paging: Readonly<Record<string, string>>,
  ): Promise<Page<T>> {
    const query = selectors(options);
    for (const [name, value] of Object.entries(paging)) query.set(name, value);
    const path = collectionPath(definition, options.namespace);
    return decodePage(
      definition,
      await this.#transport.request({ method: 'GET', path, query, signal: options.signal, maxBytes: maxListBytes }),
    );
  }
}

function selectors(options: SelectOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
  return query;
}
