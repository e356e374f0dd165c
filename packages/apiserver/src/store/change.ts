// One write, as history keeps it and watchers see it.
import { type ApiObject, isApiObject } from '../object.ts';

/** Where an object is stored. `resource` is the qualified name, such as `nodes` or `leases.coordination.k8s.io`. */
export interface ObjectKey {
  readonly resource: string;
  /** '' for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** An object with the JSON text that is sent for it; each is made from the other when it is first asked for. */
export class Stored {
  #object: ApiObject | undefined;
  #text: string | undefined;

  private constructor(object: ApiObject | undefined, text: string | undefined) {
    this.#object = object;
    this.#text = text;
  }

  static fromText(text: string): Stored {
    return new Stored(undefined, text);
  }

  static fromObject(object: ApiObject): Stored {
    return new Stored(object, undefined);
  }

  /** Never mutate it: it is shared by everyone who reads this object. */
  get object(): ApiObject {
    if (this.#object === undefined) {
      const object: unknown = JSON.parse(this.#text ?? '');
      if (!isApiObject(object)) throw new TypeError('a stored object has no kind or metadata');
      this.#object = object;
    }
    return this.#object;
  }

  get text(): string {
    this.#text ??= JSON.stringify(this.#object);
    return this.#text;
  }

  /** For what stays in memory: a text takes a quarter of what the object takes, which is made again when it is asked for. */
  keepTextOnly(): void {
    this.#text ??= JSON.stringify(this.#object);
    this.#object = undefined;
  }
}

export interface Change {
  readonly revision: number;
  readonly key: ObjectKey;
  readonly type: 'put' | 'remove';
  /** After the write; for a removal the last state, with the revision of the removal. */
  readonly current: Stored;
  /** Before the write; undefined when it created the object. */
  readonly previous: Stored | undefined;
}
