// The audit log on the disk: audit.k8s.io/v1 events, one JSON object a line. An event is with the kernel before its request
// is answered, so that it survives the end of this process; a power cut can take the last second. What does not fit on a
// full disk waits in memory. Files are kept to a size and a number: a log that fills the disk would stop what it watches.
import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { hasCode } from './error.ts';

export interface AuditLogOptions {
  readonly path: string;
  /** Told once when writing begins to fail, and of each event that is lost after that. */
  readonly onError: (error: unknown) => void;
  /** A file that has grown to this is put aside as `path.1`, and so on. */
  readonly maxBytes?: number;
  /** How many of those are kept. */
  readonly keep?: number;
  /** Events that wait for room; the oldest go first. */
  readonly maxPending?: number;
}

const syncMilliseconds = 1000;

export class AuditLog implements Disposable {
  readonly #options: Required<AuditLogOptions>;
  readonly #timer: NodeJS.Timeout;
  readonly #pending: Buffer[] = [];
  #file: number;
  #size: number;
  #failing = false;
  #unsynced = false;
  #closed = false;

  private constructor(options: Required<AuditLogOptions>) {
    this.#options = options;
    this.#file = openSync(options.path, 'a+', 0o600);
    this.#size = fstatSync(this.#file).size;
    if (this.#size > 0 && lastByteOf(this.#file, this.#size) !== 0x0a) {
      // The process before this one ended in the middle of a line: the next event gets its own.
      this.#pending.push(Buffer.from('\n'));
    }
    this.#timer = setInterval(() => this.#sync(), syncMilliseconds);
    this.#timer.unref();
  }

  /** @throws the error of the system when the file cannot be opened */
  static open(options: AuditLogOptions): AuditLog {
    return new AuditLog({ maxBytes: 128 * 1024 * 1024, keep: 8, maxPending: 10_000, ...options });
  }

  /** Never throws: what was asked for has happened, and is told in any case. */
  write(event: object): void {
    // The number of a closed file may be another file's by now.
    if (this.#closed) {
      this.#options.onError(new Error('an event came after the end of the audit log'));
      return;
    }
    this.#pending.push(Buffer.from(`${JSON.stringify(event)}\n`));
    // The first may be half written already.
    if (this.#pending.length > this.#options.maxPending) {
      this.#pending.splice(1, 1);
      this.#options.onError(new Error('an event of the audit log is lost: there is no room for it'));
    }
    this.#flush();
  }

  /** Writes what waits, and everything down to the disk. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#flush();
    try {
      fdatasyncSync(this.#file);
    } catch (error) {
      this.#options.onError(error);
    }
    closeSync(this.#file);
  }

  #flush(): void {
    try {
      for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
        const written = writeSync(this.#file, next);
        this.#size += written;
        this.#unsynced = true;
        if (written < next.length) this.#pending[0] = next.subarray(written);
        else this.#pending.shift();
      }
      this.#failing = false;
      if (this.#size >= this.#options.maxBytes) this.#rotate();
    } catch (error) {
      if (!this.#failing) this.#options.onError(error);
      this.#failing = true;
    }
  }

  #rotate(): void {
    const { path, keep } = this.#options;
    fdatasyncSync(this.#file);
    for (let number = keep - 1; number >= 1; number--) renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
    renameSync(path, `${path}.1`);
    const next = openSync(path, 'a+', 0o600);
    closeSync(this.#file);
    this.#file = next;
    this.#size = 0;
  }

  #sync(): void {
    if (this.#pending.length > 0) this.#flush();
    if (!this.#unsynced) return;
    this.#unsynced = false;
    fdatasync(this.#file, (error) => {
      if (error) this.#options.onError(error);
    });
  }
}

function lastByteOf(file: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, size - 1);
  return byte[0];
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
