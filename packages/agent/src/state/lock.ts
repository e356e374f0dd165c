// One agent per sysroot. SQLite's exclusive lock is a kernel lock on a file: it needs no process to clean up after a
// kill, holds across mount and network namespaces, and Node has no flock(2) of its own.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AgentError } from '../error.ts';

/** Throws AGENT_RUNNING when another process, or another agent of this one, holds the lock. */
export function lockSysroot(path: string): Disposable {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // No journal file: the lock must also be had on a full disk, else the agent could not say that the disk is full.
    database.exec('PRAGMA journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new AgentError('AGENT_RUNNING', `another agent holds ${path}; stop it first, one host has one agent`, {
      cause,
    });
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** SQLITE_BUSY (https://www.sqlite.org/rescode.html#busy). */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
