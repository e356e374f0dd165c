// The recent writes, for watches that resume and lists of the past. Bounded by count and by size; what fell out is
// answered with 410 Expired.
import type { Change } from './change.ts';

export interface HistoryLimits {
  readonly changes: number;
  readonly characters: number;
}

export class History {
  readonly #limits: HistoryLimits;
  #changes: Change[] = [];
  #start = 0;
  #characters = 0;
  /** Revisions above this one are complete here. */
  #floor: number;

  constructor(floor: number, limits: HistoryLimits) {
    this.#floor = floor;
    this.#limits = limits;
  }

  get floor(): number {
    return this.#floor;
  }

  add(change: Change): void {
    this.#changes.push(change);
    this.#characters += sizeOf(change);
    while (
      this.#changes.length - this.#start > this.#limits.changes ||
      (this.#characters > this.#limits.characters && this.#changes.length - this.#start > 1)
    ) {
      const dropped = this.#changes[this.#start];
      if (dropped === undefined) break;
      this.#start++;
      this.#characters -= sizeOf(dropped);
      this.#floor = dropped.revision;
    }
    // Dropping from the front one by one would move the whole array each time.
    if (this.#start > 1024 && this.#start * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The changes after `revision`, oldest first; undefined when some of them are no longer known. */
  after(revision: number): readonly Change[] | undefined {
    if (revision < this.#floor) return undefined;
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }
}

function sizeOf(change: Change): number {
  return change.current.text.length + (change.previous?.text.length ?? 0);
}
