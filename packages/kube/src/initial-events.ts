// The beginning of a streaming list: the objects that exist, until the server says that these were all (KEP-3157). They are
// taken over together, as a list is: what was known before and does not come is gone.
import type { KubeObject } from '@varve/api';
import { Deadline } from './abort.ts';
import { ObjectCache } from './cache.ts';
import type { ObjectEvent } from './watch.ts';

export class InitialEvents<T extends KubeObject> implements Disposable {
  readonly #objects = new ObjectCache<T>();
  readonly #silence: Deadline;

  /** `timeout`: milliseconds of silence after which nothing more is expected. */
  constructor(timeout: number) {
    this.#silence = new Deadline(timeout);
  }

  /** Aborts when the server says nothing more: it may not know of streaming lists, or something holds the stream back. */
  get signal(): AbortSignal {
    return this.#silence.signal;
  }

  add(event: ObjectEvent<T>): void {
    this.#objects.apply(event);
    // A server that only goes on with changes must not look like one that still sends what exists.
    if (event.type === 'ADDED') this.#silence.restart();
  }

  /** All objects, once the end was announced. */
  list(): T[] {
    return this.#objects.list();
  }

  [Symbol.dispose](): void {
    this.#silence[Symbol.dispose]();
  }
}
