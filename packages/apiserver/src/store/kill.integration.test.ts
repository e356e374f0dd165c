// kill -9 of a process that writes: every write that it acknowledged is there afterwards, whole, once, and a watch that
// resumes sees the writes in the order in which they were acknowledged. VARVE_KILLS says how often (8 unless given).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Change } from './change.ts';
import { Store } from './store.ts';

const kills = Number(process.env.VARVE_KILLS ?? 8);
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-kill-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/**
 * Writes without end, 20 at a time: creates, changes and removes. Prints `+name revision` or `-name revision` after each
 * acknowledgement, and `=name revision` for what its own watch saw.
 */
const writer = `
  import { writeSync } from 'node:fs';
  const [, module, path, round] = process.argv;
  const { Store } = await import(module);
  const store = Store.open(path);
  store.watch({ resource: 'configmaps' }, ({ key, revision }) => writeSync(1, '=' + key.name + ' ' + revision + '\\n'));
  let count = 0;
  async function work(lane) {
    const name = 'r' + round + '-' + lane;
    const key = (suffix) => ({ resource: 'configmaps', namespace: 'default', name: name + '-' + suffix });
    for (;;) {
      const number = count++;
      const object = {
        apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: key(number).name }, data: { pad: 'x'.repeat(number % 5000) },
      };
      const stored = await store.write((t) => t.put(key(number), object));
      writeSync(1, '+' + key(number).name + ' ' + stored.object.metadata.resourceVersion + '\\n');
      if (number % 3 !== 0) continue;
      const removed = await store.write((t) => t.remove(key(number)));
      writeSync(1, '-' + key(number).name + ' ' + removed.object.metadata.resourceVersion + '\\n');
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, lane) => work(lane)));
`;

interface Told {
  /** Acknowledged writes: what, and under which revision. */
  readonly acknowledged: readonly Write[];
  readonly watched: readonly Write[];
}

interface Write {
  /** `+`, `-` or `=`. */
  readonly sign: string;
  readonly name: string;
  readonly revision: number;
}

test(`every acknowledged write survives kill -9, at any of ${kills} moments`, {
  timeout: 600_000 + kills * 60_000,
}, async () => {
  const path = join(directory, 'store.db');
  const present = new Map<string, number>();
  const used = new Set<number>();
  let last = 0;
  for (let round = 0; round < kills; round++) {
    const target = 20 + Math.floor(Math.random() * 300);
    const { acknowledged, watched } = await writeUntilKilled(path, round, target);
    using store = Store.open(path);
    const history = changesOf(store, last);
    expect(watched, 'the watch saw the beginning of what is stored, in order').toEqual(
      history.slice(0, watched.length).map(({ key, revision }) => ({ sign: '=', name: key.name, revision })),
    );
    const byRevision = new Map(history.map((change) => [change.revision, change]));
    for (const { sign, name, revision } of acknowledged) {
      expect(byRevision.get(revision), `${sign}${name} ${revision}`).toMatchObject({
        type: sign === '+' ? 'put' : 'remove',
        key: { name },
      });
    }
    for (const { key, type, revision } of history) {
      expect(used.has(revision), `revision ${revision} was used twice`).toBe(false);
      used.add(revision);
      if (type === 'put') present.set(key.name, revision);
      else present.delete(key.name);
    }
    expect(storedIn(store)).toEqual(new Map([...present].sort(([a], [b]) => (a < b ? -1 : 1))));
    last = store.revision;
  }
  expect(used.size).toBeGreaterThan(20 * kills);
});

/** What a watch that resumes after `revision` is sent. */
function changesOf(store: Store, revision: number): readonly Change[] {
  const changes = store.changesAfter(revision, { resource: 'configmaps' });
  if (changes === undefined) throw new Error(`the history after ${revision} is gone`);
  const revisions = changes.map((change) => change.revision);
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  expect(store.revision).toBeGreaterThanOrEqual(revisions.at(-1) ?? 0);
  return changes;
}

function storedIn(store: Store): Map<string, number> {
  const stored = Array.from(store.list({ resource: 'configmaps' }), ({ object: { metadata } }) => metadata);
  return new Map(stored.map(({ name = '', resourceVersion }) => [name, Number(resourceVersion)]));
}

async function writeUntilKilled(path: string, round: number, target: number): Promise<Told> {
  const acknowledged: Write[] = [];
  const watched: Write[] = [];
  const module = new URL('./store.ts', import.meta.url).href;
  const args = ['--input-type=module', '-e', writer, module, path, String(round)];
  const child = spawn(process.execPath, args, { signal: AbortSignal.timeout(60_000) });
  try {
    for await (const line of child.stdout) {
      const [, sign = '', name = '', revision = ''] = /^([+=-])(\S+) (\d+)$/.exec(line) ?? [];
      // A line that was cut off by the kill acknowledges nothing.
      if (sign === '') continue;
      (sign === '=' ? watched : acknowledged).push({ sign, name, revision: Number(revision) });
      if (acknowledged.length === target) (await child.nodeChildProcess).kill('SIGKILL');
    }
    await child;
  } catch (error) {
    if (!(error instanceof SubprocessError) || error.signalName !== 'SIGKILL') throw error;
  }
  return { acknowledged, watched };
}
