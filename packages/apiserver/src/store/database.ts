// The SQLite file behind the store: objects, their recent history and the revision counter.
// WAL with synchronous=FULL: a commit is on the disk before it returns (sqlite.org/pragma.html#pragma_synchronous).
// SQLite finds damage to its own structure; every row has a checksum too, because a bit that turns over inside a text
// would be served as if somebody had written it.
import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { ApiServerError } from '../error.ts';
import { type Change, type ObjectKey, type Position, Stored } from './change.ts';
import { checksumOfChange, checksumOfObject } from './checksum.ts';
import { checkFormat, checkStructure, damaged, isDamage, prepareFormat } from './format.ts';

export interface Row {
  readonly namespace: string;
  readonly name: string;
  readonly stored: Stored;
}

/** JSON in UTF-8 as it is on the disk: as a text, each would be decoded here and encoded again for the client. */
const objectColumns = 'namespace, name, CAST(object AS BLOB) AS object, checksum';
const changeColumns =
  'revision, resource, namespace, name, type, CAST(object AS BLOB) AS object, CAST(previous AS BLOB) AS previous, checksum';

function integer(row: Record<string, unknown> | undefined, column: string): number | undefined {
  const value = row?.[column];
  return typeof value === 'number' ? value : undefined;
}

export class Database {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<string, StatementSync>();
  #damage: ApiServerError | undefined;

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  static open(path: string): Database {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 2000 });
      // One process owns the file: a second one fails here instead of writing beside the first.
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      prepareFormat(database, path);
      checkStructure(database, path);
      const opened = new Database(database, path);
      // A row under a name that nobody asks for would be lost without a word.
      opened.readObjects();
      return opened;
    } catch (cause) {
      database?.close();
      throw openError(path, cause);
    }
  }

  /** Opens a copy that nobody writes. Throws STORE_DAMAGED and STORE_UNUSABLE. */
  static openToRead(path: string): Database {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { readOnly: true });
      checkFormat(database, path);
      checkStructure(database, path);
      return new Database(database, path);
    } catch (cause) {
      database?.close();
      throw openError(path, cause);
    }
  }

  /** Holds every object against its checksum, and returns how many there are. Throws STORE_DAMAGED. */
  readObjects(): number {
    return this.#guard(() => {
      let objects = 0;
      // The whole table, not by its key: a row whose key was damaged stands where no search finds it.
      for (const row of this.#prepare(`SELECT resource, ${objectColumns} FROM objects`).iterate()) {
        this.#rowOf(this.#text(row, 'resource'), row);
        objects++;
      }
      return objects;
    });
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** What was found to be damaged since the file was opened. */
  get damage(): ApiServerError | undefined {
    return this.#damage;
  }

  /** Copies the file while it is in use, as of one moment; in a thread of SQLite's, a few pages at a time. */
  async copyTo(path: string): Promise<void> {
    await backup(this.#database, path, { rate: 256 });
  }

  begin(): void {
    this.#guard(() => this.#database.exec('BEGIN IMMEDIATE'));
  }

  commit(): void {
    this.#guard(() => this.#database.exec('COMMIT'));
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  /** False after SQLite gave up a transaction by itself, as it may on a full disk. */
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  get(key: ObjectKey): Stored | undefined {
    const sql = `SELECT ${objectColumns} FROM objects WHERE resource = ? AND namespace = ? AND name = ?`;
    const row = this.#get(sql, key.resource, key.namespace, key.name);
    return row === undefined ? undefined : this.#checkedObject(key, row);
  }

  put(key: ObjectKey, { bytes }: Stored): void {
    const sql =
      'INSERT OR REPLACE INTO objects (resource, namespace, name, object, checksum) VALUES (?, ?, ?, CAST(? AS TEXT), ?)';
    this.#run(sql, key.resource, key.namespace, key.name, bytes, checksumOfObject(key, bytes));
  }

  remove(key: ObjectKey): void {
    const sql = 'DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?';
    this.#run(sql, key.resource, key.namespace, key.name);
  }

  /** Rows in the order of namespace and name, after `after`. */
  *list(resource: string, namespace: string | undefined, after: Position | undefined): Generator<Row> {
    const page = 500;
    let position = after ?? { namespace: namespace ?? '', name: '' };
    for (;;) {
      const rows = this.#page(resource, namespace, position, page).map((row) => this.#rowOf(resource, row));
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < page) return;
      position = last;
    }
  }

  #page(resource: string, namespace: string | undefined, after: Position, limit: number) {
    const columns = `SELECT ${objectColumns} FROM objects WHERE resource = ?`;
    if (namespace === undefined) {
      const sql = `${columns} AND (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?`;
      return this.#allObjects(sql, resource, after.namespace, after.name, limit);
    }
    const name = after.namespace === namespace ? after.name : '';
    const sql = `${columns} AND namespace = ? AND name > ? ORDER BY name LIMIT ?`;
    return this.#allObjects(sql, resource, namespace, name, limit);
  }

  /** `sql` selects `objectColumns`. SQLite's rows are arrays here, which are made in three quarters of the time. */
  #allObjects(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    const rows = this.#guard(() => {
      const statement = this.#prepare(sql);
      statement.setReturnArrays(true);
      return statement.all(...values);
    });
    return rows.map((row) => ({ namespace: row[0], name: row[1], object: row[2], checksum: row[3] }));
  }

  #rowOf(resource: string, row: Record<string, unknown>): Row {
    const key = { resource, namespace: this.#text(row, 'namespace'), name: this.#text(row, 'name') };
    return { namespace: key.namespace, name: key.name, stored: this.#checkedObject(key, row) };
  }

  #checkedObject(key: ObjectKey, row: Record<string, unknown>): Stored {
    const json = this.#json(row, 'object');
    if (row.checksum === checksumOfObject(key, json)) return Stored.fromBytes(json);
    throw this.#damaged(`${key.resource} ${key.namespace}/${key.name} is not what was written`);
  }

  /** Number of rows after `after`, or of all. */
  count(resource: string, namespace: string | undefined, after: Position | undefined): number {
    const { namespace: fromNamespace, name } = after ?? { namespace: '', name: '' };
    const rest = 'SELECT count(*) AS n FROM objects WHERE resource = ? AND (namespace, name) > (?, ?)';
    const row =
      namespace === undefined
        ? this.#get(rest, resource, fromNamespace, name)
        : this.#get(`${rest} AND namespace = ?`, resource, fromNamespace, name, namespace);
    return integer(row, 'n') ?? 0;
  }

  addChange(change: Change): void {
    const { revision, key, type, current, previous } = change;
    this.#run(
      'INSERT INTO changes VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)',
      revision,
      key.resource,
      key.namespace,
      key.name,
      type,
      current.bytes,
      previous?.bytes ?? null,
      checksumOfChange(change),
    );
  }

  /** All that are there, oldest first. */
  *changes(): Generator<Change> {
    const sql = `SELECT ${changeColumns} FROM changes WHERE revision > ? ORDER BY revision LIMIT 500`;
    for (let from = 0; ; ) {
      const changes = this.#all(sql, from).map((row) => this.#changeOf(row));
      yield* changes;
      const last = changes.at(-1);
      if (last === undefined) return;
      from = last.revision;
    }
  }

  /** A change that history has. */
  change(revision: number): Change {
    const row = this.#get(`SELECT ${changeColumns} FROM changes WHERE revision = ?`, revision);
    if (row === undefined) throw this.#damaged(`the record of change ${revision} is gone`);
    return this.#changeOf(row);
  }

  #changeOf(row: Record<string, unknown>): Change {
    const change: Change = {
      revision: integer(row, 'revision') ?? 0,
      key: {
        resource: this.#text(row, 'resource'),
        namespace: this.#text(row, 'namespace'),
        name: this.#text(row, 'name'),
      },
      type: row.type === 'remove' ? 'remove' : 'put',
      current: Stored.fromBytes(this.#json(row, 'object')),
      previous: this.#previousOf(row),
    };
    if (row.checksum === checksumOfChange(change)) return change;
    throw this.#damaged(`the record of change ${change.revision} is not what was written`);
  }

  removeChange(revision: number): void {
    this.#run('DELETE FROM changes WHERE revision = ?', revision);
  }

  removeChangesUpTo(revision: number): void {
    this.#run('DELETE FROM changes WHERE revision <= ?', revision);
  }

  counter(name: string): number | undefined {
    return integer(this.#get('SELECT value FROM counters WHERE name = ?', name), 'value');
  }

  setCounter(name: string, value: number): void {
    this.#run('INSERT OR REPLACE INTO counters (name, value) VALUES (?, ?)', name, value);
  }

  #get(sql: string, ...values: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values));
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, unknown>[] {
    return this.#guard(() => this.#prepare(sql).all(...values));
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#guard(() => this.#prepare(sql).run(...values));
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw isDamage(error) ? this.#damaged(error.message, error) : error;
    }
  }

  #text(row: Record<string, unknown>, column: string): string {
    const value = row[column];
    if (typeof value === 'string') return value;
    throw this.#damaged(`a value of ${column} is not what was written`);
  }

  #json(row: Record<string, unknown>, column: string): Uint8Array {
    const value = row[column];
    if (value instanceof Uint8Array) return value;
    throw this.#damaged(`a value of ${column} is not what was written`);
  }

  #previousOf(row: Record<string, unknown>): Stored | undefined {
    return row.previous === null ? undefined : Stored.fromBytes(this.#json(row, 'previous'));
  }

  #damaged(what: string, cause?: unknown): ApiServerError {
    this.#damage ??= damaged(this.#path, what, cause);
    return this.#damage;
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

function openError(path: string, cause: unknown): ApiServerError {
  if (cause instanceof ApiServerError) return cause;
  if (isDamage(cause)) return damaged(path, cause.message, cause);
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
