// The recent writes, for watches that resume and lists of the past. Bounded by count and by size; what fell out is
// answered with 410 Expired. Of a write that is on the disk only its place is kept here: with both of its states, ten
// thousand writes would be most of what the server has in memory.
import { type Change, type ObjectKey, textOnly } from './change.ts';

export interface HistoryLimits {
  readonly changes: number;
  readonly bytes: number;
}

export interface HistoryEntry {
  readonly revision: number;
  readonly key: ObjectKey;
  /** Of both states. */
  readonly bytes: number;
  /** Undefined when it is on the disk, under its revision. */
  readonly change: Change | undefined;
}

/** The entry of a change that is on the disk. */
export function recordedEntry({ revision, key, current, previous }: Change): HistoryEntry {
  const bytes = current.bytes.length + (previous?.bytes.length ?? 0);
  return { revision, key, bytes, change: undefined };
}

/** The entry of a change that is nowhere else. */
export function heldEntry(change: Change): HistoryEntry {
  return { ...recordedEntry(change), change: textOnly(change) };
}

export class History {
  readonly #limits: HistoryLimits;
  #entries: HistoryEntry[] = [];
  #start = 0;
  #bytes = 0;
  /** Revisions above this one are complete here. */
  #floor: number;

  constructor(floor: number, limits: HistoryLimits) {
    this.#floor = floor;
    this.#limits = limits;
  }

  get floor(): number {
    return this.#floor;
  }

  add(entry: HistoryEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    while (
      this.#entries.length - this.#start > this.#limits.changes ||
      (this.#bytes > this.#limits.bytes && this.#entries.length - this.#start > 1)
    ) {
      const dropped = this.#entries[this.#start];
      if (dropped === undefined) break;
      this.#start++;
      this.#bytes -= dropped.bytes;
      this.#floor = dropped.revision;
    }
    // Dropping from the front one by one would move the whole array each time.
    if (this.#start > 1024 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The changes after `revision`, oldest first; undefined when some of them are no longer known. */
  after(revision: number): readonly HistoryEntry[] | undefined {
    if (revision < this.#floor) return undefined;
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#entries.slice(low);
  }
}
