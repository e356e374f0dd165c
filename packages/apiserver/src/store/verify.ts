// Copies of the store's file: whether one is whole, and what must change in it before it is served again.
import { DatabaseSync } from 'node:sqlite';
import { Database } from './database.ts';

/**
 * Clients may have seen revisions that the copy does not know. The ones to come are above all of them, and watches and
 * lists from before get 410 Expired (etcd.io "Disaster recovery": restoring with a revision bump).
 */
const revisionBump = 1_000_000_000;

interface StoreSummary {
  readonly objects: number;
  readonly revision: number;
}

/** Reads the whole file, and changes nothing. Throws STORE_DAMAGED and STORE_UNUSABLE. */
export function verifyStoreFile(path: string): StoreSummary {
  const database = Database.openToRead(path);
  try {
    const objects = database.readObjects();
    let revision = database.counter('revision') ?? 0;
    for (const change of database.changes()) revision = Math.max(revision, change.revision);
    return { objects, revision };
  } finally {
    database.close();
  }
}

/** Makes a copy ready to be served: see `revisionBump`. */
export function prepareRestoredStore(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(`
      BEGIN IMMEDIATE;
      DELETE FROM changes;
      UPDATE counters SET value = value + ${revisionBump} WHERE name = 'revision';
      INSERT OR REPLACE INTO counters (name, value)
        SELECT 'history-floor', value FROM counters WHERE name = 'revision';
      COMMIT;
    `);
  } finally {
    database.close();
  }
}
