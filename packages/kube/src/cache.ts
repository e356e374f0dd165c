// What an informer knows: the objects of one kind, and how they changed. What was told last of an object is what stays
// here, though a new list may bring the same again. Pure: no clock, no network.
import type { KubeObject } from '@varve/api';
import { keyOf } from './path.ts';
import type { ObjectEvent } from './watch.ts';

/** One step from what was known to what is. `deleted` carries the last known state. */
export type Change<T> =
  | { readonly type: 'added'; readonly key: string; readonly object: T }
  | { readonly type: 'updated'; readonly key: string; readonly object: T; readonly old: T }
  | { readonly type: 'deleted'; readonly key: string; readonly object: T };

export class ObjectCache<T extends KubeObject> {
  #objects = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** Takes over a complete list; the changes say what happened since the last one, as far as that can be known. */
  replace(objects: readonly T[]): Change<T>[] {
    const old = this.#objects;
    this.#objects = new Map(objects.map((object) => [keyOf(object), object]));
    const changes: Change<T>[] = [];
    for (const [key, object] of old) {
      if (!this.#objects.has(key)) changes.push({ type: 'deleted', key, object });
    }
    for (const [key, object] of this.#objects) {
      const known = old.get(key);
      const found = difference(key, known, object);
      if (known !== undefined && found.length === 0) this.#objects.set(key, known);
      changes.push(...found);
    }
    return changes;
  }

  /** Takes over one event of a watch. Empty when it tells nothing new. */
  apply(event: ObjectEvent<T>): Change<T>[] {
    const key = keyOf(event.object);
    const old = this.#objects.get(key);
    if (event.type !== 'DELETED') {
      const changes = difference(key, old, event.object);
      if (changes.length > 0) this.#objects.set(key, event.object);
      return changes;
    }
    if (old === undefined) return [];
    this.#objects.delete(key);
    const same = old.metadata.uid === event.object.metadata.uid;
    return [{ type: 'deleted', key, object: same ? event.object : old }];
  }
}

/** Empty only when both are the same version of one object. */
function difference<T extends KubeObject>(key: string, old: T | undefined, object: T): Change<T>[] {
  if (old === undefined) return [{ type: 'added', key, object }];
  // Deleted and made again while nobody looked: whoever holds on to the old one must hear of its end.
  if (old.metadata.uid !== object.metadata.uid) {
    return [
      { type: 'deleted', key, object: old },
      { type: 'added', key, object },
    ];
  }
  const version = object.metadata.resourceVersion;
  if (version !== undefined && version === old.metadata.resourceVersion) return [];
  return [{ type: 'updated', key, object, old }];
}
