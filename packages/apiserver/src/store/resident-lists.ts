// Whole collections that stay in memory after they were listed, and follow each commit: whoever lists thousands of
// objects again (a client that lost its watch, every client after a restart) does not wait for the disk. Bounded in
// bytes; the collection that was listed longest ago goes first.
import { type Change, type Position, Stored } from './change.ts';
import type { Row } from './database.ts';
import { compareKeys } from './memory-table.ts';

/** Only the bytes: what readers make of an object does not stay. */
interface Entry extends Position {
  readonly bytes: Uint8Array;
}

interface Collection {
  /** In the order of namespace and name. */
  readonly entries: Entry[];
  bytes: number;
}

export class ResidentLists {
  /** Listed last comes last. */
  readonly #collections = new Map<string, Collection>();
  readonly #limit: number;

  /** `limit`: bytes of JSON of all collections together. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Rows after `after`, of one namespace or all; undefined when the collection is not here. */
  list(resource: string, namespace: string | undefined, after: Position | undefined): Iterable<Row> | undefined {
    const collection = this.#collections.get(resource);
    if (collection === undefined) return undefined;
    this.#collections.delete(resource);
    this.#collections.set(resource, collection);
    return rowsOf(collection.entries, namespace, after);
  }

  /** Passes on all rows of a collection, and keeps them when the reader has taken the last one, if all are committed then. */
  *keep(resource: string, rows: Iterable<Row>, areCommitted: () => boolean = () => true): Generator<Row> {
    const collection: Collection = { entries: [], bytes: 0 };
    for (const row of rows) {
      const { namespace, name, stored } = row;
      collection.bytes += stored.bytes.length;
      if (collection.bytes <= this.#limit) collection.entries.push({ namespace, name, bytes: stored.bytes });
      yield row;
    }
    if (collection.bytes > this.#limit || !areCommitted()) return;
    this.#collections.set(resource, collection);
    this.#shrink();
  }

  /** Takes over a committed change, before anybody reads again. */
  follow({ key, type, current }: Change): void {
    const collection = this.#collections.get(key.resource);
    if (collection === undefined) return;
    const { entries } = collection;
    const index = firstAfter(entries, key, true);
    const old = entries[index];
    const isThere = old !== undefined && compareKeys(old, key) === 0;
    if (isThere) collection.bytes -= old.bytes.length;
    if (type === 'remove') {
      if (isThere) entries.splice(index, 1);
      return;
    }
    const { namespace, name } = key;
    // A copy: a small buffer holds on to the block of memory that it was cut from.
    const bytes = new Uint8Array(current.bytes);
    entries.splice(index, isThere ? 1 : 0, { namespace, name, bytes });
    collection.bytes += bytes.length;
    this.#shrink();
  }

  #shrink(): void {
    let total = 0;
    for (const { bytes } of this.#collections.values()) total += bytes;
    for (const [resource, { bytes }] of this.#collections) {
      if (total <= this.#limit) return;
      this.#collections.delete(resource);
      total -= bytes;
    }
  }
}

function* rowsOf(
  entries: readonly Entry[],
  namespace: string | undefined,
  after: Position | undefined,
): Generator<Row> {
  const begin = { namespace: namespace ?? '', name: '' };
  const from = after !== undefined && compareKeys(after, begin) > 0 ? after : begin;
  for (let index = firstAfter(entries, from, false); index < entries.length; index++) {
    const entry = entries[index];
    if (entry === undefined || (namespace !== undefined && entry.namespace !== namespace)) return;
    yield { namespace: entry.namespace, name: entry.name, stored: Stored.fromBytes(entry.bytes) };
  }
}

/** Index of the first entry after `position`, or at it where `orAt`; the length when there is none. */
function firstAfter(entries: readonly Entry[], position: Position, orAt: boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    const order = entry === undefined ? 1 : compareKeys(entry, position);
    if (order > 0 || (orAt && order === 0)) high = middle;
    else low = middle + 1;
  }
  return low;
}
