// Hashes of files that were read before, each with what the inode said then. A write changes the inode's times, and
// nobody but the kernel sets the change time; so a check is a look at inodes, and reads only what was touched.
import type { Stats } from 'node:fs';

interface Known {
  readonly inode: string;
  readonly sha256: string;
}

/** Two writes within one tick of the kernel's clock leave the same times. Longer than any tick, in milliseconds. */
const tick = 2_000;

export class DigestCache {
  readonly #known = new Map<string, Known>();

  get(path: string, stats: Stats): string | undefined {
    const known = this.#known.get(path);
    return known?.inode === inodeOf(stats) ? known.sha256 : undefined;
  }

  /** `stats` from before the file was read. */
  set(path: string, stats: Stats, sha256: string, now = Date.now()): void {
    // One that was only just written may be written once more without a trace.
    if (Math.abs(now - stats.ctimeMs) > tick) this.#known.set(path, { inode: inodeOf(stats), sha256 });
    else this.#known.delete(path);
  }

  /** Disks decay and clocks are set: now and then everything is read again. */
  clear(): void {
    this.#known.clear();
  }
}

function inodeOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
