// A file that is not what was written: it is said, at the start or when it is met, and never served.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Store } from './store.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-damage-'));
  path = join(directory, 'store.db');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const damaged = expect.objectContaining({ code: 'STORE_DAMAGED', message: expect.stringContaining('varve restore') });

async function fill(store: Store, count: number, pad = ''): Promise<void> {
  await store.write((transaction) => {
    for (let index = 0; index < count; index++) {
      const name = `n${index}`;
      const object = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { providerID: `host-${index}`, pad } };
      transaction.put({ resource: 'nodes', namespace: '', name }, object);
    }
  });
}

/** What a client would be given. */
function readAll(store: Store): string[] {
  return [
    ...Array.from(store.list({ resource: 'nodes' }), ({ text }) => text),
    ...(store.changesAfter(0, { resource: 'nodes' }) ?? []).map(({ current }) => current.text),
  ];
}

describe('a damaged store', () => {
  test.each([
    ['an object', `UPDATE objects SET object = replace(object, 'host-7', 'host-8')`],
    ['the kind of an object', `UPDATE objects SET resource = 'nodet' WHERE name = 'n7'`],
    ['the name of an object', `UPDATE objects SET name = 'm7' WHERE name = 'n7'`],
    ['a change', `UPDATE changes SET object = replace(object, 'host-7', 'host-8')`],
    ['the counter of revisions', `UPDATE counters SET value = 3 WHERE name = 'revision'`],
    ['the order of changes', 'UPDATE changes SET revision = revision + 100000'],
  ])('is found when %s is not what was written', async (_what, sql) => {
    const store = Store.open(path);
    await fill(store, 10);
    store.close();
    const other = new DatabaseSync(path);
    other.exec(sql);
    other.close();
    expect(() => Store.open(path)).toThrow(damaged);
  });

  test('never serves another text than was written, whichever byte of the file turned', async () => {
    const store = Store.open(path);
    await fill(store, 30);
    const before = readAll(store);
    store.close();
    const intact = readFileSync(path);
    let found = 0;
    fc.assert(
      fc.property(fc.nat(intact.length - 1), fc.integer({ min: 1, max: 255 }), (offset, mask) => {
        const bytes = Buffer.from(intact);
        bytes[offset] = (bytes[offset] ?? 0) ^ mask;
        writeFileSync(path, bytes);
        try {
          using again = Store.open(path);
          expect(readAll(again)).toEqual(before);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_(DAMAGED|UNUSABLE)$/) });
          found++;
        }
      }),
      { numRuns: Number(process.env.VARVE_FUZZ_RUNS ?? 150) },
    );
    expect(found).toBeGreaterThan(0);
  });

  test('takes no writes once damage was met, and goes on to be read', async () => {
    const store = Store.open(path);
    // More than SQLite keeps in memory, so that the file is read again.
    await fill(store, 5000, 'x'.repeat(2000));
    store.close();
    using again = Store.open(path);
    again.keepInMemory('leases');
    // Promises a block of revisions, which a clean end takes back.
    const lease = { apiVersion: 'v1', kind: 'Lease', metadata: { name: 'l' } };
    await again.write((transaction) => transaction.put({ resource: 'leases', namespace: 'x', name: 'l' }, lease));
    expect(again.damage).toBeUndefined();
    writeFileSync(path, readFileSync(path, 'latin1').replaceAll('"host-7"', '"host-8"'), 'latin1');
    const read = (name: string) => again.get({ resource: 'nodes', namespace: '', name });
    expect(() => read('n7')).toThrow(damaged);
    expect(again.damage).toEqual(damaged);
    await expect(fill(again, 1)).rejects.toMatchObject({
      code: 500,
      message: expect.stringMatching(/not stored: .*damaged/),
    });
    expect(read('n4000')?.object.spec).toMatchObject({ providerID: 'host-4000' });
    again.close();
    using file = new DatabaseSync(path, { readOnly: true });
    const counter = file.prepare(`SELECT value FROM counters WHERE name = 'revision'`).get()?.value;
    expect(counter).toBeGreaterThan(again.revision);
  });

  test('of the format before checksums is brought up to date', async () => {
    const store = Store.open(path);
    await fill(store, 5);
    const before = readAll(store);
    store.close();
    const old = new DatabaseSync(path);
    old.exec(`
      ALTER TABLE objects DROP COLUMN checksum;
      ALTER TABLE changes DROP COLUMN checksum;
      PRAGMA user_version = 1;
    `);
    old.close();
    using again = Store.open(path);
    expect(readAll(again)).toEqual(before);
  });
});
