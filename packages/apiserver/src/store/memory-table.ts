// Objects that live in memory only (Events, Leases): per resource a bounded map, the oldest written goes first. It has the
// texts; what readers make of them does not stay.
import { type ObjectKey, type Position, Stored } from './change.ts';
import type { Row } from './database.ts';

export class MemoryTable {
  readonly #entries = new Map<string, { readonly key: ObjectKey; readonly text: string }>();
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: ObjectKey): Stored | undefined {
    const entry = this.#entries.get(idOf(key));
    return entry && Stored.fromText(entry.text);
  }

  put(key: ObjectKey, stored: Stored): void {
    const id = idOf(key);
    // Map keeps insertion order: deleting first makes the order that of the last write.
    this.#entries.delete(id);
    this.#entries.set(id, { key, text: stored.text });
  }

  remove(key: ObjectKey): void {
    this.#entries.delete(idOf(key));
  }

  /** The object that was not written for the longest time. */
  oldest(): { readonly key: ObjectKey } | undefined {
    return this.#entries.values().next().value;
  }

  /** Rows in the order of namespace and name, after `after`. */
  list(namespace: string | undefined, after: Position | undefined): Row[] {
    const rows: Row[] = [];
    for (const { key, text } of this.#entries.values()) {
      if (namespace !== undefined && key.namespace !== namespace) continue;
      if (after !== undefined && compareKeys(key, after) <= 0) continue;
      rows.push({ namespace: key.namespace, name: key.name, stored: Stored.fromText(text) });
    }
    return rows.sort(compareKeys);
  }

  /** Number of objects after `after`, or of all. */
  count(namespace: string | undefined, after: Position | undefined): number {
    let count = 0;
    for (const { key } of this.#entries.values()) {
      const counts =
        (namespace === undefined || key.namespace === namespace) &&
        (after === undefined || compareKeys(key, after) > 0);
      if (counts) count++;
    }
    return count;
  }
}

function idOf(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
}

/** Namespace first, then name, by code unit, as SQLite orders ASCII. */
export function compareKeys(a: Position, b: Position): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
