// The SQLite file behind the store: objects, their recent history and the revision counter.
// WAL with synchronous=FULL: a commit is on the disk before it returns (sqlite.org/pragma.html#pragma_synchronous).
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ApiServerError } from '../error.ts';
import { type Change, type ObjectKey, Stored } from './change.ts';

const schemaVersion = 1;

const tables = `
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    revision INTEGER PRIMARY KEY, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    type TEXT NOT NULL, object TEXT NOT NULL, previous TEXT);
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;

export interface Row {
  readonly namespace: string;
  readonly name: string;
  readonly text: string;
}

function text(row: Record<string, unknown>, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`);
  return value;
}

function integer(row: Record<string, unknown> | undefined, column: string): number | undefined {
  const value = row?.[column];
  return typeof value === 'number' ? value : undefined;
}

function rowOf(row: Record<string, unknown>): Row {
  return { namespace: text(row, 'namespace'), name: text(row, 'name'), text: text(row, 'object') };
}

export class Database {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  static open(path: string): Database {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 2000 });
      // One process owns the file: a second one fails here instead of writing beside the first.
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      const version = integer(database.prepare('PRAGMA user_version').get(), 'user_version') ?? 0;
      if (version > schemaVersion) {
        throw new ApiServerError(
          'STORE_UNUSABLE',
          `${path} was written by a newer Varve (format ${version}, this one reads ${schemaVersion}); run that version`,
        );
      }
      database.exec(`BEGIN IMMEDIATE; ${tables} PRAGMA user_version = ${schemaVersion}; COMMIT;`);
      return new Database(database);
    } catch (cause) {
      database?.close();
      throw openError(path, cause);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  begin(): void {
    this.#database.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#database.exec('COMMIT');
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** False after SQLite gave up a transaction by itself, as it may on a full disk. */
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  get(key: ObjectKey): string | undefined {
    const row = this.#prepare('SELECT object FROM objects WHERE resource = ? AND namespace = ? AND name = ?').get(
      key.resource,
      key.namespace,
      key.name,
    );
    return row === undefined ? undefined : text(row, 'object');
  }

  put(key: ObjectKey, object: string): void {
    this.#prepare('INSERT OR REPLACE INTO objects (resource, namespace, name, object) VALUES (?, ?, ?, ?)').run(
      key.resource,
      key.namespace,
      key.name,
      object,
    );
  }

  remove(key: ObjectKey): void {
    this.#prepare('DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?').run(
      key.resource,
      key.namespace,
      key.name,
    );
  }

  /** Rows in the order of namespace and name, after `after`. */
  *list(
    resource: string,
    namespace: string | undefined,
    after: Omit<ObjectKey, 'resource'> | undefined,
  ): Generator<Row> {
    const page = 500;
    let position = after ?? { namespace: namespace ?? '', name: '' };
    for (;;) {
      const rows = this.#page(resource, namespace, position, page).map(rowOf);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < page) return;
      position = last;
    }
  }

  #page(resource: string, namespace: string | undefined, after: Omit<ObjectKey, 'resource'>, limit: number) {
    const columns = 'SELECT namespace, name, object FROM objects WHERE resource = ?';
    if (namespace === undefined) {
      return this.#prepare(`${columns} AND (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?`).all(
        resource,
        after.namespace,
        after.name,
        limit,
      );
    }
    const name = after.namespace === namespace ? after.name : '';
    return this.#prepare(`${columns} AND namespace = ? AND name > ? ORDER BY name LIMIT ?`).all(
      resource,
      namespace,
      name,
      limit,
    );
  }

  /** Number of rows after `after`, or of all. */
  count(resource: string, namespace: string | undefined, after: Omit<ObjectKey, 'resource'> | undefined): number {
    const { namespace: fromNamespace, name } = after ?? { namespace: '', name: '' };
    const rest = 'SELECT count(*) AS n FROM objects WHERE resource = ? AND (namespace, name) > (?, ?)';
    const row =
      namespace === undefined
        ? this.#prepare(rest).get(resource, fromNamespace, name)
        : this.#prepare(`${rest} AND namespace = ?`).get(resource, fromNamespace, name, namespace);
    return integer(row, 'n') ?? 0;
  }

  addChange(change: Change): void {
    this.#prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)').run(
      change.revision,
      change.key.resource,
      change.key.namespace,
      change.key.name,
      change.type,
      change.current.text,
      change.previous?.text ?? null,
    );
  }

  changesAfter(revision: number): Change[] {
    return this.#prepare('SELECT * FROM changes WHERE revision > ? ORDER BY revision')
      .all(revision)
      .map((row) => ({
        revision: integer(row, 'revision') ?? 0,
        key: { resource: text(row, 'resource'), namespace: text(row, 'namespace'), name: text(row, 'name') },
        type: row.type === 'remove' ? 'remove' : 'put',
        current: Stored.fromText(text(row, 'object')),
        previous: previousOf(row),
      }));
  }

  removeChange(revision: number): void {
    this.#prepare('DELETE FROM changes WHERE revision = ?').run(revision);
  }

  removeChangesUpTo(revision: number): void {
    this.#prepare('DELETE FROM changes WHERE revision <= ?').run(revision);
  }

  counter(name: string): number | undefined {
    return integer(this.#prepare('SELECT value FROM counters WHERE name = ?').get(name), 'value');
  }

  setCounter(name: string, value: number): void {
    this.#prepare('INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)').run(name, value);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function previousOf(row: Record<string, unknown>): Stored | undefined {
  return row.previous === null ? undefined : Stored.fromText(text(row, 'previous'));
}

function openError(path: string, cause: unknown): ApiServerError {
  if (cause instanceof ApiServerError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/locked|busy/i.test(message)) {
    return new ApiServerError('STORE_LOCKED', `${path} is in use by another process; stop it first`, { cause });
  }
  return new ApiServerError(
    'STORE_UNUSABLE',
    `${path} cannot be opened as a store (${message}); check the disk and permissions, or restore a backup`,
    { cause },
  );
}
