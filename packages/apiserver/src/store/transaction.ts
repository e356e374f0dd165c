// One operation's view of the store inside a group commit: it sees every earlier write of the batch, and its own
// writes are taken back when it throws.
import type { ApiObject } from '../object.ts';
import { type Change, type ObjectKey, Stored } from './change.ts';
import type { Database } from './database.ts';
import type { MemoryTable } from './memory-table.ts';

/** What a transaction needs of the store that it belongs to. */
export interface TransactionHost {
  readonly database: Database;
  memoryTable(resource: string): MemoryTable | undefined;
  nextRevision(): number;
  /** Called before the first durable write of a batch. */
  beginDurable(): void;
}

export class Transaction {
  readonly #host: TransactionHost;
  readonly changes: Change[] = [];

  constructor(host: TransactionHost) {
    this.#host = host;
  }

  get(key: ObjectKey): Stored | undefined {
    const memory = this.#host.memoryTable(key.resource);
    if (memory !== undefined) return memory.get(key);
    return this.#host.database.get(key);
  }

  /** Stores the object under a new resourceVersion and returns it as stored. */
  put(key: ObjectKey, object: ApiObject): Stored {
    const previous = this.get(key);
    const { revision, stored } = this.#stamp(object);
    this.#write({ revision, key, type: 'put', current: stored, previous });
    const memory = this.#host.memoryTable(key.resource);
    const oldest = memory !== undefined && memory.size > memory.limit ? memory.oldest() : undefined;
    if (oldest !== undefined) this.remove(oldest.key);
    return stored;
  }

  /** Removes the object and returns its last state, `last` or as it was stored, under the revision of the removal. */
  remove(key: ObjectKey, last?: ApiObject): Stored | undefined {
    const previous = this.get(key);
    if (previous === undefined) return undefined;
    const { revision, stored } = this.#stamp(last ?? previous.object);
    this.#write({ revision, key, type: 'remove', current: stored, previous });
    return stored;
  }

  /** Takes back every write of this transaction. */
  undo(): void {
    for (const { key, previous, revision } of this.changes.toReversed()) {
      const memory = this.#host.memoryTable(key.resource);
      if (memory === undefined) {
        if (previous === undefined) this.#host.database.remove(key);
        else this.#host.database.put(key, previous);
        this.#host.database.removeChange(revision);
      } else if (previous === undefined) {
        memory.remove(key);
      } else {
        memory.put(key, previous);
      }
    }
    this.changes.length = 0;
  }

  /** Takes back the part in memory only, after the database rolled back by itself. */
  undoMemory(): void {
    for (const { key, previous } of this.changes.toReversed()) {
      const memory = this.#host.memoryTable(key.resource);
      if (previous === undefined) memory?.remove(key);
      else memory?.put(key, previous);
    }
  }

  /** The change is noted first, so that an error in the middle of it can be taken back. */
  #write(change: Change): void {
    const { key } = change;
    this.changes.push(change);
    const memory = this.#host.memoryTable(key.resource);
    if (memory !== undefined) {
      if (change.type === 'put') memory.put(key, change.current);
      else memory.remove(key);
      return;
    }
    this.#host.beginDurable();
    if (change.type === 'put') this.#host.database.put(key, change.current);
    else this.#host.database.remove(key);
    this.#host.database.addChange(change);
  }

  #stamp(object: ApiObject): { revision: number; stored: Stored } {
    const revision = this.#host.nextRevision();
    const metadata = { ...object.metadata, resourceVersion: String(revision) };
    return { revision, stored: Stored.fromObject({ ...object, metadata }) };
  }
}
