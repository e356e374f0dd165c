import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Store } from '../store/store.ts';
import { expireEvents } from './event-expiry.ts';

test('events go an hour after they were last seen', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-events-'));
  try {
    using store = Store.open(join(directory, 'store.db'));
    store.keepInMemory('events');
    const put = (name: string, lastTimestamp?: string) =>
      store.write((transaction) => {
        const metadata = { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' };
        const times = lastTimestamp === undefined ? {} : { lastTimestamp };
        transaction.put(
          { resource: 'events', namespace: 'default', name },
          { apiVersion: 'v1', kind: 'Event', metadata, ...times },
        );
      });
    await put('old');
    await put('repeated', '2026-01-01T00:30:00Z');
    const left = () => [...store.list({ resource: 'events' })].map(({ object }) => object.metadata.name);
    expect(await expireEvents(store, new Date('2026-01-01T00:59:00Z'))).toBe(0);
    expect(await expireEvents(store, new Date('2026-01-01T01:01:00Z'))).toBe(1);
    expect(left()).toEqual(['repeated']);
    expect(await expireEvents(store, new Date('2026-01-01T01:31:00Z'))).toBe(1);
    expect(left()).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
