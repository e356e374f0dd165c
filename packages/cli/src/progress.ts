// How far a long transfer is: a bar that redraws itself where a person watches, a line now and then where nobody does.
import { formatBytes, type Terminal } from './output.ts';

export interface TransferProgress {
  readonly step: string;
  /** Bytes fetched, and to fetch. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes that need not be fetched, because they are there. */
  readonly bytesReused: number;
}

const barWidth = 24;
const redrawInterval = 100;
const lineInterval = 5000;

/** Draws on `terminal`; disposing takes the bar away. */
export class ProgressBar implements Disposable {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #last = Number.NEGATIVE_INFINITY;
  #step = '';

  constructor(terminal: Terminal, now: () => number = Date.now) {
    this.#terminal = terminal;
    this.#now = now;
  }

  update(progress: TransferProgress): void {
    const now = this.#now();
    const interval = this.#terminal.interactive ? redrawInterval : lineInterval;
    if (progress.step === this.#step && now - this.#last < interval) return;
    this.#last = now;
    this.#step = progress.step;
    if (this.#terminal.interactive) this.#terminal.status(formatBar(progress));
    else this.#terminal.err(formatLine(progress));
  }

  [Symbol.dispose](): void {
    if (this.#terminal.interactive) this.#terminal.status('');
  }
}

export function formatBar(progress: TransferProgress): string {
  const share = progress.bytesTotal === 0 ? 1 : Math.min(1, progress.bytesDone / progress.bytesTotal);
  const filled = Math.floor(share * barWidth);
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${formatLine(progress)}`;
}

function formatLine({ step, bytesDone, bytesTotal, bytesReused }: TransferProgress): string {
  const fetched = `${step}: ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`;
  return bytesReused === 0 ? fetched : `${fetched}, ${formatBytes(bytesReused)} reused`;
}
