// Keeps a copy of all objects of one kind in step with an API server, whatever happens to the server, the network or
// the stream in between: list once, then watch; begin again where the watch ended, or from a new list where that is
// impossible. Where the server offers it, list and watch are one stream. Failures are told to onError and tried again with
// back-off, for ever.
import type { KubeObject, ResourceDefinition } from '@varve/api';
import { anySignal, delay } from './abort.ts';
import { type Backoff, backoffDelay } from './backoff.ts';
import { type Change, ObjectCache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { isKubeError, KubeError } from './error.ts';
import { InitialEvents } from './initial-events.ts';
import type { WatchEvent } from './watch.ts';

export interface InformerOptions {
  /** Only objects of this namespace. */
  readonly namespace?: string;
  /** `metadata.name=x`; a node that may see only its own object must say so. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Told of every failure and of every listener's error; the informer goes on by itself. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds without a byte after which a watch counts as dead. */
  readonly idleTimeout?: number;
  /** Waits between attempts; 0.5 s doubling to 30 s unless given. */
  readonly backoff?: Backoff;
  /** False to list in pages even where the server could stream. */
  readonly streaming?: boolean;
  /** Milliseconds without a further object after which a streaming list is given up for one in pages; 10 s unless given. */
  readonly streamingTimeout?: number;
}

/** A watch that lived this long (milliseconds) has shown that the server works again. */
const healthyAfter = 5_000;
const streamingTimeout = 10_000;

export class Informer<T extends KubeObject> {
  readonly #client: KubeClient;
  readonly #definition: ResourceDefinition<T>;
  readonly #options: InformerOptions;
  readonly #backoff: Backoff;
  readonly #cache = new ObjectCache<T>();
  readonly #listeners = new Set<(change: Change<T>) => void>();
  readonly #synced = Promise.withResolvers<void>();
  /** Where the next watch begins; undefined when it takes a list first. */
  #resourceVersion: string | undefined;
  /** False once the server has said that it cannot. */
  #streams: boolean;

  constructor(client: KubeClient, definition: ResourceDefinition<T>, options: InformerOptions = {}) {
    this.#client = client;
    this.#definition = definition;
    this.#options = options;
    this.#backoff = options.backoff ?? { initial: 500, max: 30_000 };
    this.#streams = options.streaming ?? true;
    // Nobody needs to wait for it.
    this.#synced.promise.catch(() => {});
  }

  /** The object of `key` (`name` or `namespace/name`). Shared with others: never change it. */
  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  /** All objects. Shared with others: never change them. */
  list(): T[] {
    return this.#cache.list();
  }

  /**
   * Calls `listener` for every change from now on, one after the other, with the cache already showing it. Register
   * before `start` to be told of everything. A listener only notes what to do (a WorkQueue's add). Returns its removal.
   */
  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the first list is in the cache and told to the listeners; rejects when the informer ends before. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Runs until the abort, and then resolves. Never rejects. */
  async start(signal: AbortSignal): Promise<void> {
    for (let retry = 0; !signal.aborted; ) {
      const began = performance.now();
      const progressed = await this.#attempt(signal);
      if (signal.aborted) break;
      retry = progressed || performance.now() - began >= healthyAfter ? 0 : retry + 1;
      // Even after success a little: a server that ends every watch at once must not be hammered.
      await delay(backoffDelay(retry, this.#backoff), signal);
    }
    this.#synced.reject(signal.reason);
  }

  /** One list (where needed) and one watch. True when the watch told something. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const progress = { made: false };
    try {
      const streaming = this.#resourceVersion === undefined && this.#streams;
      const events = (streaming ? await this.#stream(signal) : undefined) ?? (await this.#watch(signal));
      await this.#follow(events, signal, progress);
    } catch (error) {
      if (signal.aborted) return false;
      // Only these leave the watch's place valid. An unknown server may stand behind a new connection after
      // UNREACHABLE, restarted or restored from a backup: what we know has to be compared with what it has.
      if (!isKubeError(error, 'TIMEOUT', 'TOO_MANY_REQUESTS', 'UNAVAILABLE')) this.#resourceVersion = undefined;
      this.#report(error);
    }
    return progress.made;
  }

  /** The changes from where we are, with a list in pages before them where we are nowhere. */
  async #watch(signal: AbortSignal): Promise<AsyncIterable<WatchEvent<T>>> {
    if (this.#resourceVersion === undefined) {
      const { items, resourceVersion } = await this.#client.list(this.#definition, { ...this.#options, signal });
      this.#replace(items, resourceVersion, signal);
    }
    return this.#client.watch(this.#definition, { ...this.#options, resourceVersion: this.#resourceVersion, signal });
  }

  /** The changes after a list of all objects in the same stream; undefined when the list has to be asked for in pages. */
  async #stream(signal: AbortSignal): Promise<AsyncIterable<WatchEvent<T>> | undefined> {
    using initial = new InitialEvents<T>(this.#options.streamingTimeout ?? streamingTimeout);
    const either = anySignal(signal, initial.signal);
    const events = this.#client.watch(this.#definition, { ...this.#options, sendInitialEvents: true, signal: either });
    try {
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        if (next.value.type !== 'BOOKMARK') initial.add(next.value);
        else if (next.value.endsInitialEvents) {
          this.#replace(initial.list(), next.value.resourceVersion, signal);
          return events;
        }
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // The answer of a server that has streaming lists switched off, or does not know what they are (KEP-3157).
      if (isKubeError(error, 'INVALID', 'BAD_REQUEST')) this.#streams = false;
      else if (!initial.signal.aborted) throw error;
    }
    return undefined;
  }

  #replace(objects: readonly T[], resourceVersion: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    this.#tell(this.#cache.replace(objects));
    this.#resourceVersion = resourceVersion;
    this.#synced.resolve();
  }

  async #follow(events: AsyncIterable<WatchEvent<T>>, signal: AbortSignal, progress: { made: boolean }): Promise<void> {
    for await (const event of events) {
      signal.throwIfAborted();
      const bookmark = event.type === 'BOOKMARK';
      const version = bookmark ? event.resourceVersion : event.object.metadata.resourceVersion;
      if (isOlder(version, this.#resourceVersion)) {
        throw new KubeError('EXPIRED', `The server went back in time, from ${this.#resourceVersion} to ${version}.`);
      }
      if (!bookmark) this.#tell(this.#cache.apply(event));
      this.#resourceVersion = version;
      progress.made = true;
    }
  }

  #tell(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change);
        } catch (error) {
          this.#report(error);
        }
      }
    }
  }

  #report(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // A broken logger must not stop the informer.
    }
  }
}

/**
 * True when both are decimal numbers and `version` is the smaller: versions of one kind on one server only grow
 * (KEP-5504), so the server lost its memory or was restored.
 */
function isOlder(version: string | undefined, than: string | undefined): boolean {
  if (version === undefined || than === undefined || !/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return BigInt(version) < BigInt(than);
}
