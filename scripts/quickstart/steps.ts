// The steps' headings and times, as a person reads them while they run.

export class Steps {
  readonly #total: number;
  readonly #write: (line: string) => void;
  readonly #seconds: Record<string, number> = {};
  #number = 0;

  constructor(total: number, write: (line: string) => void) {
    this.#total = total;
    this.#write = write;
  }

  /** Seconds of each step so far, by its key. */
  get seconds(): Readonly<Record<string, number>> {
    return this.#seconds;
  }

  /** Runs a step between a heading and the time that it took. */
  async run<T>(key: string, title: string, work: (say: (line: string) => void) => Promise<T>): Promise<T> {
    this.#number += 1;
    this.#write(`\n[${this.#number}/${this.#total}] ${title}`);
    const start = performance.now();
    const result = await work((line) => this.#write(`      ${line}`));
    const seconds = (performance.now() - start) / 1000;
    this.#seconds[key] = Math.round(seconds * 100) / 100;
    this.#write(`      done in ${seconds.toFixed(1)} s`);
    return result;
  }
}
