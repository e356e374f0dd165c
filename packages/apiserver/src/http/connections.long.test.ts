// Ten thousand connections at once. The server needs as many file descriptors: `ulimit -Hn` of more than that.
import { expect, test } from 'vitest';
import { startTestClient } from '../test-client.ts';
import { holdManyWatches } from './many-watches.fixture.ts';

const count = 10_000;

test(`${count} connections at once, each with a watch, all see a change, and an administrator is answered`, async ({
  signal,
}) => {
  const client = await startTestClient();
  try {
    await holdManyWatches(client, count, signal);
    expect((await client.call('GET', '/readyz')).code).toBe(200);
  } finally {
    await client.close();
  }
});
