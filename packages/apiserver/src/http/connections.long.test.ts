// Ten thousand connections at once.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startTestClient } from '../test-client.ts';
import { holdManyWatches } from './many-watches.fixture.ts';

const count = 10_000;
/** Each connection is a file of the server's, which has some more. */
const neededFiles = count + 500;

// proc_pid_limits(5): name, soft limit, hard limit, unit. Node takes all that the hard one allows.
const openFiles = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];

test.skipIf(Number(openFiles) < neededFiles)(
  `${count} connections at once, each with a watch, all see a change, and an administrator is answered (needs \`ulimit -Hn\` of ${neededFiles})`,
  async ({ signal }) => {
    const client = await startTestClient();
    try {
      await holdManyWatches(client, count, signal);
      expect((await client.call('GET', '/readyz')).code).toBe(200);
    } finally {
      await client.close();
    }
  },
);
