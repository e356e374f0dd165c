// Stops repairing a path that somebody else keeps changing: two programs that put their own bytes back for ever help
// nobody, and each change may restart something. What is left alone is still told.

/** So many repairs of one path … */
export const maxRepairs = 3;
/** … within so many milliseconds, and it is left alone for as long. */
export const repairWindow = 10 * 60_000;

export class RepairBreaker {
  readonly #now: () => number;
  /** Path → when it was repaired. */
  readonly #repairs = new Map<string, readonly number[]>();

  /** `now`: milliseconds that only ever grow. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether the path may be repaired now. */
  allows(path: string): boolean {
    return this.#recent(path).length < maxRepairs;
  }

  note(path: string): void {
    this.#repairs.set(path, [...this.#recent(path), this.#now()]);
  }

  /** Paths that are left alone. */
  leftAlone(): string[] {
    return [...this.#repairs.keys()].filter((path) => !this.allows(path));
  }

  /** Milliseconds until one of them may be repaired again; undefined when there is none. */
  nextChance(): number | undefined {
    const waits = this.leftAlone().map((path) => (this.#recent(path).at(-1) ?? 0) + repairWindow - this.#now());
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits));
  }

  /** Another config: what fought with the former one may agree with this. */
  reset(): void {
    this.#repairs.clear();
  }

  /**
   * The repairs that still count. Once there are too many, the window runs from the last one and not from the first:
   * whoever changes the path all the time is not answered all the time.
   */
  #recent(path: string): readonly number[] {
    const times = this.#repairs.get(path) ?? [];
    const last = times.at(-1) ?? 0;
    if (times.length >= maxRepairs) return this.#now() - last < repairWindow ? times : [];
    return times.filter((time) => this.#now() - time < repairWindow);
  }
}
