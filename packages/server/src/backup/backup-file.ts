// A backup is one SQLite file: the store as of one moment, and the files of pki/ in a table beside it. The registry's
// images are not in it: they are content that can be pushed, or copied with skopeo.
import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Store, verifyStoreFile } from '@varve/apiserver';
import { ServerError } from '../error.ts';

/** `VRVB`, so that file(1) and we know it (sqlite.org/pragma.html#pragma_application_id). */
const applicationId = 0x56525642;

const table = `
  CREATE TABLE state_files (
    name TEXT PRIMARY KEY, content BLOB NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
`;

interface StateFile {
  /** In pki/. */
  readonly name: string;
  readonly content: Uint8Array;
}

export interface BackupSummary {
  /** Objects of the API. */
  readonly objects: number;
  /** Certificates and keys. */
  readonly files: number;
  readonly revision: number;
}

/** Writes a backup to a path where nothing is. The store goes on to be used meanwhile. */
export async function writeBackup(store: Store, pkiDirectory: string, path: string): Promise<void> {
  // Owned by nobody else from its first byte on: it will hold the keys.
  await (await open(path, 'wx', 0o600)).close();
  await store.copyTo(path);
  const files = await readStateFiles(pkiDirectory);
  const database = new DatabaseSync(path);
  try {
    // One file from here on: the copy came with the journal mode of the store.
    database.exec(`PRAGMA journal_mode = DELETE; PRAGMA application_id = ${applicationId}; BEGIN; ${table}`);
    const insert = database.prepare('INSERT INTO state_files (name, content, digest) VALUES (?, ?, ?)');
    for (const { name, content } of files) insert.run(name, content, digestOf(content));
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

/** Reads all of a backup. @throws ServerError BACKUP_INVALID, and STORE_DAMAGED and STORE_UNUSABLE of the API server */
export function verifyBackup(path: string): BackupSummary {
  const files = readBackupFiles(path);
  return { ...verifyStoreFile(path), files: files.length };
}

/** @throws ServerError BACKUP_INVALID */
export function readBackupFiles(path: string): StateFile[] {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      if (database.prepare('PRAGMA application_id').get()?.application_id !== applicationId) {
        throw invalid(path, 'it is no backup of Varve');
      }
      return database
        .prepare('SELECT name, content, digest FROM state_files')
        .all()
        .map((row) => stateFileOf(path, row));
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof ServerError) throw error;
    throw invalid(path, error instanceof Error ? error.message : String(error), error);
  }
}

/** Takes what is not the store's out of a copy of a backup. */
export function removeBackupFiles(path: string): void {
  const database = new DatabaseSync(path);
  try {
    // Keys must not stay in the file's free pages.
    database.exec('PRAGMA secure_delete = ON; DROP TABLE state_files; PRAGMA application_id = 0; VACUUM;');
  } finally {
    database.close();
  }
}

function stateFileOf(path: string, { name, content, digest }: Record<string, unknown>): StateFile {
  if (typeof name !== 'string' || !/^[a-z0-9][\w.-]*$/i.test(name) || !(content instanceof Uint8Array)) {
    throw invalid(path, 'it names a file that cannot be one of pki/');
  }
  if (digest !== digestOf(content)) throw invalid(path, `pki/${name} in it is not what was backed up`);
  return { name, content };
}

async function readStateFiles(directory: string): Promise<StateFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp')).map(({ name }) => name);
  return await Promise.all(names.map(async (name) => ({ name, content: await readFile(join(directory, name)) })));
}

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function invalid(path: string, reason: string, cause?: unknown): ServerError {
  return new ServerError('BACKUP_INVALID', `${path} cannot be used: ${reason}; use another backup`, { cause });
}
