// The store: every object of the API server, one growing revision across all of them, and who is told of changes.
// Durable kinds are in SQLite and on the disk before a write is answered; `memory` kinds are bounded and lost at
// restart. Writes that arrive while a commit runs share the next one (group commit), because the commit's wait for
// the disk is by far the longest part of a write. Safe under kill -9: SQLite's WAL holds whole transactions only.
import type { ApiServerErrorCode } from '../error.ts';
import { storageFailed, unavailable } from '../status.ts';
import { type Change, type ObjectKey, type Position, type Stored, textOnly } from './change.ts';
import { Database, type Row } from './database.ts';
import { History, type HistoryEntry, type HistoryLimits, heldEntry, recordedEntry } from './history.ts';
import { compareKeys, MemoryTable } from './memory-table.ts';
import { ResidentLists } from './resident-lists.ts';
import { Transaction } from './transaction.ts';
import { type Listener, WatcherIndex, type WatchScope } from './watchers.ts';

export interface StoreOptions {
  /** How many changes watches may resume over. */
  readonly history?: HistoryLimits;
  /** Objects per `memory` kind; the one written longest ago goes first. */
  readonly memoryLimit?: number;
  /** Bytes of the collections of durable kinds that stay in memory after they were listed. */
  readonly residentBytes?: number;
}

export interface ListScope {
  readonly resource: string;
  readonly namespace?: string | undefined;
}

interface Operation {
  run(transaction: Transaction): void;
  commit(): void;
  fail(error: unknown): void;
}

const defaultHistory: HistoryLimits = { changes: 10_000, bytes: 64 * 1024 * 1024 };
const defaultMemoryLimit = 200_000;
/** Twenty thousand Nodes. */
const defaultResidentBytes = 32 * 1024 * 1024;
/** Revisions are promised to the disk in blocks, so that writes in memory need no commit and none is used twice. */
const revisionBlock = 10_000;
/** The history on disk may be this many changes longer than the one in memory. */
const pruneInterval = 1000;

export class Store {
  readonly #database: Database;
  readonly #watchers = new WatcherIndex();
  readonly #memory = new Map<string, MemoryTable>();
  readonly #durableHistory: History;
  readonly #memoryHistory: History;
  readonly #memoryLimit: number;
  readonly #resident: ResidentLists;
  #queue: Operation[] = [];
  #scheduled = false;
  #durableBatch = false;
  #closed = false;
  #revision: number;
  #promised: number;
  #prunedTo: number;
  #commits = 0;

  private constructor(database: Database, options: StoreOptions) {
    const limits = options.history ?? defaultHistory;
    this.#database = database;
    this.#memoryLimit = options.memoryLimit ?? defaultMemoryLimit;
    this.#resident = new ResidentLists(options.residentBytes ?? defaultResidentBytes);
    this.#revision = database.counter('revision') ?? 0;
    this.#promised = this.#revision;
    this.#prunedTo = database.counter('history-floor') ?? 0;
    this.#durableHistory = new History(this.#prunedTo, limits);
    this.#memoryHistory = new History(this.#revision, limits);
    for (const change of database.changes()) this.#durableHistory.add(recordedEntry(change));
  }

  /** Opens or creates the SQLite file at `path`. Throws STORE_LOCKED, STORE_UNUSABLE and STORE_DAMAGED. */
  static open(path: string, options: StoreOptions = {}): Store {
    const database = Database.open(path);
    try {
      return new Store(database, options);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** What was found to be damaged while the store was open; it takes no writes any more. */
  get damage(): Error | undefined {
    return this.#database.damage;
  }

  /** Copies what is on the disk, as of one moment, into a new file; writes go on meanwhile. */
  async copyTo(path: string): Promise<void> {
    await this.#database.copyTo(path);
  }

  /** Finishes the waiting writes and closes the file; later writes are refused with 503. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    try {
      // After a clean end the promised but unused revisions need not be skipped. A damaged file takes no writes.
      if (this.damage === undefined) this.#database.setCounter('revision', this.#revision);
    } finally {
      this.#database.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Declares a resource as kept in memory only; before its first use. */
  keepInMemory(resource: string): void {
    if (!this.#memory.has(resource)) this.#memory.set(resource, new MemoryTable(this.#memoryLimit));
  }

  /** The revision of the last committed write. */
  get revision(): number {
    return this.#revision;
  }

  /** Number of commits since the store was opened; fewer than writes when writes share commits. */
  get commits(): number {
    return this.#commits;
  }

  get(key: ObjectKey): Stored | undefined {
    const memory = this.#memory.get(key.resource);
    if (memory !== undefined) return memory.get(key);
    return this.#database.get(key);
  }

  /** Objects by namespace and name, after `after`. Consume it without awaiting: a write in between would show. */
  *list(scope: ListScope, after?: Position): Generator<Stored> {
    for (const row of this.#rows(scope, after)) yield row.stored;
  }

  /** Number of objects after `after`, or of all. */
  count({ resource, namespace }: ListScope, after?: Position): number {
    const memory = this.#memory.get(resource);
    return memory?.count(namespace, after) ?? this.#database.count(resource, namespace, after);
  }

  /** As `list`, but as of an earlier revision; undefined when the history does not reach back that far. */
  listAt(revision: number, scope: ListScope, after?: Position): Iterable<Stored> | undefined {
    const entries = this.#entriesAfter(revision, scope);
    if (entries === undefined) return undefined;
    if (entries.length === 0) return this.list(scope, after);
    return this.#rewound(entries, scope, after);
  }

  /** What was written since then is taken in the state that it had before. */
  *#rewound(entries: readonly HistoryEntry[], scope: ListScope, after: Position | undefined): Generator<Stored> {
    const first = new Map<string, HistoryEntry>();
    for (const entry of entries) {
      const id = `${entry.key.namespace}/${entry.key.name}`;
      if (!first.has(id)) first.set(id, entry);
    }
    const past = [...first.values()]
      .filter(({ key }) => after === undefined || compareKeys(key, after) > 0)
      .sort((a, b) => compareKeys(a.key, b.key))
      .values();
    let next = past.next().value;
    for (const row of this.#rows(scope, after)) {
      for (; next !== undefined && compareKeys(next.key, row) <= 0; next = past.next().value) yield* this.#before(next);
      if (!first.has(`${row.namespace}/${row.name}`)) yield row.stored;
    }
    for (; next !== undefined; next = past.next().value) yield* this.#before(next);
  }

  *#before(entry: HistoryEntry): Generator<Stored> {
    const { previous } = this.#changeOf(entry);
    if (previous !== undefined) yield previous;
  }

  #rows({ resource, namespace }: ListScope, after: Position | undefined): Iterable<Row> {
    const memory = this.#memory.get(resource);
    if (memory !== undefined) return memory.list(namespace, after);
    const rows = this.#database.list(resource, namespace, after);
    // Operations see what others of their batch wrote, which memory has only when it is committed.
    if (this.#durableBatch) return rows;
    const resident = this.#resident.list(resource, namespace, after);
    if (resident !== undefined) return resident;
    if (namespace !== undefined || after !== undefined) return rows;
    return this.#resident.keep(resource, rows, () => !this.#durableBatch);
  }

  /** The changes of the scope after `revision`; undefined when some of them are no longer known (410 Expired). */
  changesAfter(revision: number, scope: WatchScope): readonly Change[] | undefined {
    return this.#entriesAfter(revision, scope)?.map((entry) => this.#changeOf(entry));
  }

  #entriesAfter(revision: number, { resource, namespace, name }: WatchScope): readonly HistoryEntry[] | undefined {
    const history = this.#memory.has(resource) ? this.#memoryHistory : this.#durableHistory;
    return history
      .after(revision)
      ?.filter(
        ({ key }) =>
          key.resource === resource &&
          (namespace === undefined || key.namespace === namespace) &&
          (name === undefined || key.name === name),
      );
  }

  #changeOf({ revision, change }: HistoryEntry): Change {
    return change === undefined ? this.#database.change(revision) : textOnly(change);
  }

  /** Calls `listener` right after each commit that changed the scope; it must not throw. Returns how to stop. */
  watch(scope: WatchScope, listener: Listener): () => void {
    return this.#watchers.add(scope, listener);
  }

  watchEverything(listener: Listener): () => void {
    return this.#watchers.addToEverything(listener);
  }

  /**
   * Runs `operation` inside the next group commit and resolves with its result once that is on the disk.
   * Operations run one after the other and see each other's writes; one that throws takes back its own writes only.
   */
  write<T>(operation: (transaction: Transaction) => T): Promise<T> {
    if (this.#closed) return Promise.reject(unavailable('the server is shutting down; try again'));
    if (this.damage !== undefined) return Promise.reject(storageFailed(this.damage.message));
    return new Promise((resolve, reject) => {
      let result: { readonly value: T } | undefined;
      this.#queue.push({
        run: (transaction) => {
          result = { value: operation(transaction) };
        },
        commit: () => {
          if (result !== undefined) resolve(result.value);
        },
        fail: reject,
      });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#queue;
    this.#queue = [];
    if (batch.length === 0 || this.#closed) return;
    const done: { readonly operation: Operation; readonly transaction: Transaction }[] = [];
    const before = this.#revision;
    try {
      for (const operation of batch) {
        const transaction = this.#transaction();
        if (this.#runOne(operation, transaction)) done.push({ operation, transaction });
      }
      if (this.#durableBatch) this.#commit();
    } catch (error) {
      this.#abandon(done, before);
      for (const { operation } of done) operation.fail(storageFailed(reasonOf(error)));
      for (const operation of batch) operation.fail(storageFailed(reasonOf(error)));
      return;
    }
    const changes = done.flatMap(({ transaction }) => transaction.changes);
    // Whoever is told of one of them and lists sees all.
    for (const change of changes) this.#resident.follow(change);
    for (const change of changes) this.#publish(change);
    for (const { operation } of done) operation.commit();
  }

  /** False when the operation failed by itself; throws when the batch cannot go on. */
  #runOne(operation: Operation, transaction: Transaction): boolean {
    try {
      operation.run(transaction);
      return true;
    } catch (error) {
      if (this.#durableBatch && !this.#database.inTransaction) {
        transaction.undoMemory();
        throw error;
      }
      transaction.undo();
      operation.fail(isStorageError(error) ? storageFailed(reasonOf(error)) : error);
      return false;
    }
  }

  #commit(): void {
    if (this.#durableHistory.floor - this.#prunedTo > pruneInterval) {
      this.#prunedTo = this.#durableHistory.floor;
      this.#database.removeChangesUpTo(this.#prunedTo);
      this.#database.setCounter('history-floor', this.#prunedTo);
    }
    this.#database.commit();
    this.#durableBatch = false;
    this.#commits++;
  }

  #abandon(done: readonly { readonly transaction: Transaction }[], revision: number): void {
    this.#database.rollback();
    this.#durableBatch = false;
    for (const { transaction } of done.toReversed()) transaction.undoMemory();
    // Nobody saw the revisions of this batch, and the block promised in it may be lost with it.
    this.#revision = revision;
    this.#promised = this.#database.counter('revision') ?? revision;
    this.#prunedTo = this.#database.counter('history-floor') ?? 0;
  }

  #publish(change: Change): void {
    if (this.#memory.has(change.key.resource)) this.#memoryHistory.add(heldEntry(change));
    else this.#durableHistory.add(recordedEntry(change));
    this.#watchers.publish(change);
  }

  #transaction(): Transaction {
    return new Transaction({
      database: this.#database,
      memoryTable: (resource) => this.#memory.get(resource),
      nextRevision: () => this.#nextRevision(),
      beginDurable: () => this.#beginDurable(),
    });
  }

  #beginDurable(): void {
    if (this.#durableBatch) return;
    this.#database.begin();
    this.#durableBatch = true;
  }

  #nextRevision(): number {
    if (this.#revision >= this.#promised) {
      this.#beginDurable();
      this.#promised = this.#revision + revisionBlock;
      this.#database.setCounter('revision', this.#promised);
    }
    this.#revision++;
    return this.#revision;
  }
}

function isStorageError(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ERR_SQLITE_ERROR' || error.code === ('STORE_DAMAGED' satisfies ApiServerErrorCode))
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
