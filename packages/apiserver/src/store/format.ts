// The format of the store's file, how older ones are brought up to it, and how damage is told from other failures.
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { ApiServerError } from '../error.ts';
import { Stored } from './change.ts';
import { checksumOfChange, checksumOfObject } from './checksum.ts';

/** 1 had no checksums. */
const schemaVersion = 2;

const tables = `
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    revision INTEGER PRIMARY KEY, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    type TEXT NOT NULL, object TEXT NOT NULL, previous TEXT, checksum INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;

const addChecksums = `
  ALTER TABLE objects ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE changes ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
  UPDATE objects SET checksum = checksum_of_object(resource, namespace, name, object);
  UPDATE changes SET checksum = checksum_of_change(revision, resource, namespace, name, type, object, previous);
`;

/** Makes the tables, or brings them up to this format. Throws STORE_UNUSABLE for a newer one. */
export function prepareFormat(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  if (version > schemaVersion) {
    throw new ApiServerError(
      'STORE_UNUSABLE',
      `${path} was written by a newer Varve (format ${version}, this one reads ${schemaVersion}); run that version`,
    );
  }
  if (version === schemaVersion) return;
  if (version === 1) defineChecksums(database);
  database.exec(`BEGIN IMMEDIATE; ${version === 1 ? addChecksums : tables} PRAGMA user_version = ${schemaVersion};`);
  const noteSchema = database.prepare(`INSERT OR REPLACE INTO counters (name, value) VALUES ('schema', ?)`);
  noteSchema.run(checksumOfSchema(database));
  database.exec('COMMIT');
}

/** SQLite reads the tables by their definitions, which are texts in the file like any other. */
function checksumOfSchema(database: DatabaseSync): number {
  const select = `SELECT name, sql FROM sqlite_schema WHERE name IN ('objects', 'changes', 'counters') ORDER BY name`;
  return crc32(JSON.stringify(database.prepare(select).all()));
}

/** Throws STORE_UNUSABLE unless the file has this format. */
export function checkFormat(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  if (version === schemaVersion) return;
  throw new ApiServerError(
    'STORE_UNUSABLE',
    `${path} is no store of this format (${version}, not ${schemaVersion}); use the Varve that wrote it`,
  );
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

function defineChecksums(database: DatabaseSync): void {
  database.function('checksum_of_object', { deterministic: true }, (resource, namespace, name, object) =>
    checksumOfObject(
      { resource: String(resource), namespace: String(namespace), name: String(name) },
      Buffer.from(String(object)),
    ),
  );
  database.function('checksum_of_change', (revision, resource, namespace, name, type, object, previous) =>
    checksumOfChange({
      revision: Number(revision),
      key: { resource: String(resource), namespace: String(namespace), name: String(name) },
      type: type === 'remove' ? 'remove' : 'put',
      current: Stored.fromText(String(object)),
      previous: previous === null ? undefined : Stored.fromText(String(previous)),
    }),
  );
}

/** Reads every page. Throws STORE_DAMAGED (sqlite.org/pragma.html#pragma_integrity_check). */
export function checkStructure(database: DatabaseSync, path: string): void {
  const found = database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
  if (found !== 'ok') throw damaged(path, String(found));
  const schema = database.prepare(`SELECT value FROM counters WHERE name = 'schema'`).get()?.value;
  if (schema !== undefined && schema !== checksumOfSchema(database))
    throw damaged(path, 'its tables are not those that were made');
  const newest = database.prepare('SELECT max(revision) AS value FROM changes').get()?.value;
  const counter = database.prepare(`SELECT value FROM counters WHERE name = 'revision'`).get()?.value;
  // A revision that was given twice would hide a change from whoever watches.
  if (Number(newest ?? 0) > Number(counter ?? 0)) throw damaged(path, 'the counter of revisions went back');
}

export function damaged(path: string, what: string, cause?: unknown): ApiServerError {
  return new ApiServerError(
    'STORE_DAMAGED',
    `${path} is damaged (${what}); check the disk, keep a copy of the file, and run \`varve restore\` with the last backup`,
    { cause },
  );
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, with what extends them (sqlite.org/rescode.html), and tables that were there. */
export function isDamage(error: unknown): error is Error {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  const code = error.errcode & 0xff;
  return code === 11 || code === 26 || /^no such (table|column)/.test(error.message);
}
