// Events are news: they go an hour after they were last seen (kube-apiserver --event-ttl).
import { textAt } from '@varve/api';
import type { ApiObject } from '../object.ts';
import type { Store } from '../store/store.ts';

const lifetimeMilliseconds = 3_600_000;
/** Events per transaction; the rest goes in the next round. */
const batchSize = 1000;

/** Removes the events that are over; returns how many. */
export async function expireEvents(store: Store, now: Date): Promise<number> {
  const end = now.getTime() - lifetimeMilliseconds;
  const expired: ApiObject[] = [];
  for (const { object } of store.list({ resource: 'events' })) {
    if (lastSeen(object) >= end) continue;
    expired.push(object);
    if (expired.length === batchSize) break;
  }
  if (expired.length === 0) return 0;
  await store.write((transaction) => {
    for (const { metadata } of expired) {
      const key = { resource: 'events', namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
      const current = transaction.get(key)?.object;
      if (current !== undefined && lastSeen(current) < end) transaction.remove(key);
    }
  });
  return expired.length;
}

/** Milliseconds since the epoch; the latest of the times that an event has. */
function lastSeen(event: ApiObject): number {
  const times = [
    textAt(event, 'series', 'lastObservedTime'),
    textAt(event, 'lastTimestamp'),
    textAt(event, 'eventTime'),
    event.metadata.creationTimestamp ?? '',
  ];
  return Math.max(0, ...times.map((time) => Date.parse(time)).filter((time) => !Number.isNaN(time)));
}
