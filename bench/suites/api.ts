// The embedded API server beside kube-apiserver with etcd: the same requests from the same client, one server after the
// other. Both make every write last before they answer it.
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { runJob } from '../api/client.ts';
import type { Job, Outcome, Verb } from '../api/job.ts';
import { type Server, startEmbedded, startKubernetes } from '../api/servers.ts';
import { syncsPerSecond } from '../api/syncs.ts';
import type { Row, Suite } from '../row.ts';

/** Below 1 to try the suite out: fewer objects, requests and watchers. */
const scale = Number(process.env.VARVE_BENCH_SCALE ?? 1);
const scaled = (count: number) => Math.max(1, Math.round(count * scale));

const rounds = 3;
const warmUp = scaled(500);
const requestCounts: Readonly<Record<Verb, number>> = {
  create: scaled(3_000),
  'patch-status': scaled(3_000),
  get: scaled(10_000),
};
const listed = scaled(10_000);
const listRounds = 5;
const fanouts = [1_000, 10_000] as const;
const nodes = scaled(100_000);
const restarts = 3;
/** Milliseconds that a server may tidy up before its memory is read. */
const settle = 15_000 * Math.min(1, scale);
const peerName = 'kube-apiserver, etcd';

interface Figures {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Seconds and bytes. */
  readonly coldStart: number;
  readonly idle: number;
  readonly memory: number;
}

export const apiSuite: Suite = {
  description:
    'the embedded API server beside kube-apiserver with etcd (needs Go the first time; VARVE_BENCH_SCALE below 1 shortens it)',
  async run(report, signal) {
    const syncs = await syncsPerSecond(tmpdir());
    report(`this machine makes ${syncs.toFixed(0)} small writes a second last`);
    const ours = await measure('embedded', startEmbedded, report, signal);
    const theirs = await measure(peerName, startKubernetes, report, signal);
    const load = (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3).join(' ');
    return rowsOf(ours, theirs, syncs, load);
  },
};

async function measure(
  name: string,
  start: () => Promise<Server>,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<Figures> {
  await using server = await start();
  const outcomes = new Map<string, Outcome>();
  const say = (what: string) => report(`${name}: ${what}`);
  const run = (job: Job) => runJob(server.target, job, signal);
  const coldStart = median(await repeat(restarts, () => server.restart()));
  await sleep(settle, undefined, { signal });
  const idle = await server.memory();
  say(`ready in ${coldStart.toFixed(2)} s, ${megabytes(idle)} MB`);
  let made = warmUp;
  for (const verb of ['create', 'patch-status', 'get'] as const) {
    const count = requestCounts[verb];
    await run({ kind: 'requests', verb, first: 0, count: warmUp });
    const found = await repeat(rounds, (round) => {
      const first = verb === 'create' ? made + round * count : 0;
      // Of what is there already, whatever the number of requests.
      const size = verb === 'create' ? count : Math.min(count, made);
      return run({ kind: 'requests', verb, first, count: size });
    });
    if (verb === 'create') made += rounds * count;
    outcomes.set(verb, middle(found));
    say(`${verb}: ${describe(outcomes.get(verb))}`);
  }
  made = await fill(run, made, listed);
  outcomes.set('list', await run({ kind: 'list', rounds: listRounds }));
  say(`list of ${made}: ${describe(outcomes.get('list'))}`);
  for (const watchers of fanouts) {
    outcomes.set(`fanout-${watchers}`, await run({ kind: 'fanout', watchers: Math.min(scaled(watchers), made) }));
    say(`${watchers} watchers: ${describe(outcomes.get(`fanout-${watchers}`))}`);
  }
  await fill(run, made, nodes);
  await sleep(settle, undefined, { signal });
  const memory = await server.memory();
  say(`${nodes} nodes: ${megabytes(memory)} MB`);
  return { outcomes, coldStart, idle, memory };
}

/** Creates Nodes until there are `wanted`; returns how many there are. */
async function fill(run: (job: Job) => Promise<Outcome>, made: number, wanted: number): Promise<number> {
  if (made < wanted) await run({ kind: 'requests', verb: 'create', first: made, count: wanted - made });
  return Math.max(made, wanted);
}

function rowsOf(ours: Figures, theirs: Figures, syncs: number, load: string): Row[] {
  const row = (name: string, unit: string, figure: (figures: Figures) => number, limit: string): Row => ({
    ...{ name, unit, limit, ours: figure(ours) },
    peer: { name: peerName, value: figure(theirs) },
  });
  const of = (key: string, part: keyof Outcome) => (figures: Figures) => figures.outcomes.get(key)?.[part] ?? 0;
  const rows: Row[] = [];
  for (const verb of ['create', 'patch-status', 'get'] as const) {
    const limit = verb === 'get' ? '32 connections' : `32 connections; ${syncs.toFixed(0)} syncs/s if each were alone`;
    rows.push(row(verb, '1/s', of(verb, 'rate'), limit));
    rows.push(row(`${verb}-p50`, 'ms', of(verb, 'p50'), ''), row(`${verb}-p99`, 'ms', of(verb, 'p99'), ''));
  }
  for (const [watchers, name] of [
    [1_000, 'watch-fanout-1k'],
    [10_000, 'watch-fanout-10k'],
  ] as const) {
    const key = `fanout-${watchers}`;
    rows.push(row(name, '1/s', of(key, 'rate'), 'each object has one watcher, and is written once'));
    rows.push(row(`${name}-p50`, 'ms', of(key, 'p50'), 'from the write to the event'));
    rows.push(row(`${name}-p99`, 'ms', of(key, 'p99'), 'from the write to the event'));
  }
  const bytes = (of('list', 'bytes')(ours) / 1e6).toFixed(1);
  rows.push(row('list-10k', 'ms', of('list', 'p50'), `one answer of ${bytes} MB`));
  const idle = `${megabytes(ours.idle)} and ${megabytes(theirs.idle)} MB without objects`;
  rows.push(row('memory-100k-nodes', 'MB', ({ memory }) => memory / 1e6, idle));
  rows.push(row('cold-start', 's', ({ coldStart }) => coldStart, 'to a 200 of /readyz, with an empty disk'));
  rows.push({ name: 'syncs', unit: '1/s', ours: syncs, limit: `4 KiB appended and made to last; load ${load}` });
  return rows;
}

async function repeat<T>(count: number, work: (round: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let round = 0; round < count; round += 1) results.push(await work(round));
  return results;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Each part's median over the rounds. */
function middle(outcomes: readonly Outcome[]): Outcome {
  const part = (key: keyof Outcome) => median(outcomes.map((outcome) => outcome[key]));
  return { rate: part('rate'), p50: part('p50'), p99: part('p99'), bytes: part('bytes') };
}

function describe(outcome: Outcome | undefined): string {
  if (!outcome) return '';
  return `${outcome.rate.toFixed(0)}/s, p50 ${outcome.p50.toFixed(1)} ms, p99 ${outcome.p99.toFixed(1)} ms`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
