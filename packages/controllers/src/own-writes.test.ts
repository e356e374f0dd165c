import { expect, it } from 'vitest';
import { OwnWrites } from './own-writes.ts';

const object = (name: string, resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, resourceVersion },
});

it('waits until the cache shows every write, or something later, or nothing at all', () => {
  const writes = new OwnWrites();
  const cache = new Map([
    ['a', object('a', '9')],
    ['b', object('b', '9')],
  ]);
  const get = (name: string) => cache.get(name);
  expect(writes.areSeen(get)).toBe(true);
  writes.note(object('a', '10'));
  writes.note(object('b', '11'));
  expect(writes.areSeen(get)).toBe(false);
  cache.set('a', object('a', '10'));
  expect(writes.areSeen(get)).toBe(false);
  cache.delete('b');
  expect(writes.areSeen(get)).toBe(true);
  writes.note(object('a', '10'));
  cache.set('a', object('a', '12'));
  expect(writes.areSeen(get)).toBe(true);
});

it('forgets what the server has lost, and only that', async () => {
  const writes = new OwnWrites();
  writes.note(object('lost', '10'));
  writes.note(object('gone', '11'));
  await writes.forgetLost(async (name) => (name === 'lost' ? object('lost', '4') : undefined));
  expect(writes.areSeen((name) => object(name, '4'))).toBe(true);
  writes.note(object('late', '12'));
  await writes.forgetLost(async () => object('late', '13'));
  expect(writes.areSeen((name) => object(name, '4'))).toBe(false);
});
