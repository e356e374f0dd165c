// The embedded API server beside kube-apiserver with etcd: the same requests from the same client, one server after the
// other. Both make every write last before they answer it.
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { runJob } from '../api/client.ts';
import type { Job, Outcome, Verb } from '../api/job.ts';
import { type Server, startEmbedded, startKubernetes, startUp } from '../api/servers.ts';
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
/** Watchers, name, rounds: what a server does for the first time takes long, and counts in one round of a thousand. */
const fanouts = [
  [1_000, 'watch-fanout-1k', rounds],
  [10_000, 'watch-fanout-10k', 1],
] as const;
const nodes = scaled(100_000);
const restarts = 3;
/** The rows that are wanted, by their names without `-p50` and `-p99`; all unless given. */
const chosen = (process.env.VARVE_BENCH_ROWS ?? '').split(',').filter((name) => name !== '');
const wanted = (...names: readonly string[]) => chosen.length === 0 || names.some((name) => chosen.includes(name));
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
    'the embedded API server beside kube-apiserver with etcd (needs Go the first time; VARVE_BENCH_SCALE below 1 and VARVE_BENCH_ROWS=ROW,... shorten it)',
  async run(report, signal) {
    const syncs = await syncsPerSecond(tmpdir());
    report(`this machine makes ${syncs.toFixed(0)} small writes a second last`);
    const ours = await measure('embedded', startEmbedded, report, signal);
    const whole = wanted('cold-start-up') ? await coldStartOf(startUp) : undefined;
    const theirs = await measure(peerName, startKubernetes, report, signal);
    const load = (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3).join(' ');
    return rowsOf({ ours, theirs, whole, syncs, load });
  },
};

/** Seconds. */
async function coldStartOf(start: () => Promise<Server>): Promise<number> {
  await using server = await start();
  return median(await repeat(restarts, () => server.restart()));
}

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
  let made = 0;
  for (const verb of ['create', 'patch-status', 'get'] as const) {
    if (!wanted(verb)) continue;
    const count = requestCounts[verb];
    if (verb !== 'create') made = await fill(run, made, warmUp + count);
    await run({ kind: 'requests', verb, first: verb === 'create' ? made : 0, count: warmUp });
    if (verb === 'create') made += warmUp;
    const found = await repeat(rounds, (round) => {
      const first = verb === 'create' ? made + round * count : 0;
      return run({ kind: 'requests', verb, first, count });
    });
    if (verb === 'create') made += rounds * count;
    outcomes.set(verb, middle(found));
    say(`${verb}: ${describe(outcomes.get(verb))}`);
  }
  if (wanted('list-10k')) {
    made = await fill(run, made, listed);
    outcomes.set('list-10k', await run({ kind: 'list', rounds: listRounds }));
    say(`list of ${made}: ${describe(outcomes.get('list-10k'))}`);
  }
  for (const [watchers, key, times] of fanouts) {
    if (!wanted(key)) continue;
    made = await fill(run, made, scaled(watchers));
    outcomes.set(key, middle(await repeat(times, () => run({ kind: 'fanout', watchers: scaled(watchers) }))));
    say(`${key}: ${describe(outcomes.get(key))}`);
  }
  if (wanted('memory-100k-nodes')) made = await fill(run, made, nodes);
  await sleep(settle, undefined, { signal });
  const memory = await server.memory();
  say(`${made} nodes: ${megabytes(memory)} MB`);
  return { outcomes, coldStart, idle, memory };
}

/** Creates Nodes until there are `wanted`; returns how many there are. */
async function fill(run: (job: Job) => Promise<Outcome>, made: number, wanted: number): Promise<number> {
  if (made < wanted) await run({ kind: 'requests', verb: 'create', first: made, count: wanted - made });
  return Math.max(made, wanted);
}

interface Measured {
  readonly ours: Figures;
  readonly theirs: Figures;
  /** Seconds from the start of the whole of `varve up`. */
  readonly whole: number | undefined;
  readonly syncs: number;
  readonly load: string;
}

function rowsOf({ ours, theirs, whole, syncs, load }: Measured): Row[] {
  const row = (name: string, unit: string, figure: (figures: Figures) => number, limit: string): Row => ({
    ...{ name, unit, limit, ours: figure(ours) },
    peer: { name: peerName, value: figure(theirs) },
  });
  const rows: Row[] = [];
  const rowsOfRequests = (key: string, limit: string, timeLimit: string) => {
    const of = (part: keyof Outcome) => (figures: Figures) => figures.outcomes.get(key)?.[part] ?? 0;
    rows.push(row(key, '1/s', of('rate'), limit));
    rows.push(row(`${key}-p50`, 'ms', of('p50'), timeLimit), row(`${key}-p99`, 'ms', of('p99'), timeLimit));
  };
  for (const verb of ['create', 'patch-status', 'get'] as const) {
    const limit = verb === 'get' ? '32 connections' : `32 connections; ${syncs.toFixed(0)} syncs/s if each were alone`;
    if (wanted(verb)) rowsOfRequests(verb, limit, '');
  }
  for (const [, key] of fanouts) {
    if (wanted(key))
      rowsOfRequests(key, 'each object has one watcher, and is written once', 'from the write to the event');
  }
  if (wanted('list-10k')) {
    const { p50 = 0, bytes = 0 } = ours.outcomes.get('list-10k') ?? {};
    const limit = `lists a second, one after the other; each is ${(bytes / 1e6).toFixed(1)} MB and takes ${p50.toFixed(0)} ms`;
    rows.push(row('list-10k', '1/s', ({ outcomes }) => 1000 / (outcomes.get('list-10k')?.p50 ?? 0), limit));
  }
  if (wanted('memory-100k-nodes')) {
    const idle = `${megabytes(ours.idle)} and ${megabytes(theirs.idle)} MB without objects`;
    rows.push(row('memory-100k-nodes', 'MB', ({ memory }) => memory / 1e6, idle));
  }
  if (wanted('cold-start')) {
    rows.push(row('cold-start', 's', ({ coldStart }) => coldStart, 'to a 200 of /readyz, with an empty disk'));
  }
  if (whole !== undefined) {
    const limit = 'the same with registry and controllers; the peer without';
    rows.push({ ...row('cold-start-up', 's', ({ coldStart }) => coldStart, limit), ours: whole });
  }
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
