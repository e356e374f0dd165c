// One quickstart at a time has a directory: it removes what another one left there, which must not be running.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Node has no flock(2); an exclusive transaction of SQLite is freed with the process too, however that ends. */
export function lockDirectory(directory: string): Disposable {
  const path = `${directory}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new Error(`another quickstart uses ${directory}; stop it first (Ctrl-C there), or give --directory`, {
      cause,
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** SQLITE_BUSY (https://www.sqlite.org/rescode.html#busy). */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
