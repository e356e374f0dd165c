// rpm's database in SQLite, as rpm 4.16 and later write it: a table Packages of headers (rpm, lib/backend/sqlite.cc).
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BuildError } from '../error.ts';
import { parseRpmHeader, type RpmPackage } from './rpm-header.ts';

const maximumPackages = 200_000;
const maximumHeader = 64 * 1024 * 1024;

/**
 * Reads the packages of an `rpmdb.sqlite`, by way of a file in the system's directory for temporary files.
 * @throws BuildError IMAGE_UNREADABLE where it is no such database
 */
export async function readRpmDatabase(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<RpmPackage[]> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-rpmdb-'));
  try {
    const path = join(directory, 'rpmdb.sqlite');
    await using file = await open(path, 'wx');
    for await (const chunk of content) {
      signal?.throwIfAborted();
      await file.writeFile(chunk);
    }
    await file.close();
    return readPackages(path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function readPackages(path: string): RpmPackage[] {
  try {
    // The copy is ours alone; a database that was left in WAL mode can be opened only where its -shm file can be made.
    using database = new DatabaseSync(path);
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    assertPlainTable(database);
    const rows = database.prepare(
      `SELECT blob FROM Packages WHERE length(blob) <= ${maximumHeader} LIMIT ${maximumPackages}`,
    );
    const packages: RpmPackage[] = [];
    for (const { blob } of rows.iterate()) {
      const parsed = blob instanceof Uint8Array ? parseRpmHeader(blob) : undefined;
      // Public keys are in the table as packages of this name.
      if (parsed !== undefined && parsed.name !== 'gpg-pubkey') packages.push(parsed);
    }
    return packages;
  } catch (cause) {
    if (cause instanceof BuildError) throw cause;
    throw unreadable(cause);
  }
}

/** A view or a generated column would run expressions of whoever made the image. */
function assertPlainTable(database: DatabaseSync): void {
  const table = database.prepare("SELECT type, rootpage FROM sqlite_schema WHERE name = 'Packages'").get();
  const hidden = database.prepare("SELECT name FROM pragma_table_xinfo('Packages') WHERE hidden <> 0").get();
  if (table?.type !== 'table' || !(Number(table.rootpage) > 0) || hidden !== undefined) throw unreadable();
}

function unreadable(cause?: unknown): BuildError {
  const message = 'the rpm database of the image cannot be read; run `rpm --rebuilddb` in its build';
  return new BuildError('IMAGE_UNREADABLE', message, { cause });
}
