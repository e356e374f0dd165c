// Who is told of a change. Watches of one name are found by that name, so that a fleet in which every host watches
// its own object costs one look-up per write and not one per host.
import type { Change } from './change.ts';

export interface WatchScope {
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export type Listener = (change: Change) => void;

interface Watchers {
  readonly all: Set<Listener>;
  readonly byName: Map<string, Set<Listener>>;
}

export class WatcherIndex {
  readonly #everything = new Set<Listener>();
  readonly #byResource = new Map<string, Watchers>();

  /** Calls `listener` for every change of every resource; returns how to stop. */
  addToEverything(listener: Listener): () => void {
    this.#everything.add(listener);
    return () => this.#everything.delete(listener);
  }

  /** Calls `listener` for changes in the scope; returns how to stop. */
  add(scope: WatchScope, listener: Listener): () => void {
    const watchers = this.#of(scope.resource);
    const { name, namespace } = scope;
    const own: Listener = (change) => {
      if (namespace === undefined || change.key.namespace === namespace) listener(change);
    };
    if (name === undefined) {
      watchers.all.add(own);
      return () => watchers.all.delete(own);
    }
    const named = watchers.byName.get(name) ?? new Set();
    watchers.byName.set(name, named.add(own));
    return () => {
      named.delete(own);
      if (named.size === 0 && watchers.byName.get(name) === named) watchers.byName.delete(name);
    };
  }

  publish(change: Change): void {
    const watchers = this.#byResource.get(change.key.resource);
    const listeners = [...this.#everything, ...(watchers?.all ?? []), ...(watchers?.byName.get(change.key.name) ?? [])];
    for (const listener of listeners) listener(change);
  }

  #of(resource: string): Watchers {
    let watchers = this.#byResource.get(resource);
    if (watchers === undefined) {
      watchers = { all: new Set(), byName: new Map() };
      this.#byResource.set(resource, watchers);
    }
    return watchers;
  }
}
