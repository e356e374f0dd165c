// One write, as history keeps it and watchers see it.
import { type ApiObject, isApiObject } from '../object.ts';

/** Where an object is stored. `resource` is the qualified name, such as `nodes` or `leases.coordination.k8s.io`. */
export interface ObjectKey {
  readonly resource: string;
  /** '' for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** Place of an object in its collection. */
export type Position = Omit<ObjectKey, 'resource'>;

/**
 * An object with the JSON that is sent for it, as a text and in UTF-8, as it is on the disk. Each is made from the others
 * when it is first asked for: most objects go from the disk to a client without being anything but bytes.
 */
export class Stored {
  #object: ApiObject | undefined;
  #text: string | undefined;
  #bytes: Uint8Array | undefined;

  static fromBytes(bytes: Uint8Array): Stored {
    const stored = new Stored();
    stored.#bytes = bytes;
    return stored;
  }

  static fromText(text: string): Stored {
    const stored = new Stored();
    stored.#text = text;
    return stored;
  }

  static fromObject(object: ApiObject): Stored {
    const stored = new Stored();
    stored.#object = object;
    return stored;
  }

  /** Never mutate it: it is shared by everyone who reads this object. */
  get object(): ApiObject {
    if (this.#object === undefined) {
      const object: unknown = JSON.parse(this.text);
      if (!isApiObject(object)) throw new TypeError('a stored object has no kind or metadata');
      this.#object = object;
    }
    return this.#object;
  }

  get text(): string {
    this.#text ??= this.#bytes === undefined ? JSON.stringify(this.#object) : decode(this.#bytes);
    return this.#text;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= Buffer.from(this.text);
    return this.#bytes;
  }
}

function decode({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
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

/**
 * The change with texts only, for what stays in memory: a text takes a quarter of what the object takes. Readers get such
 * a copy, too, so that nothing which they make of it stays.
 */
export function textOnly(change: Change): Change {
  const previous = change.previous && Stored.fromText(change.previous.text);
  return { ...change, current: Stored.fromText(change.current.text), previous };
}
