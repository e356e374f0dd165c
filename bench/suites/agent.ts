// What the agent costs a host that has nothing to do, and how fast it is when there is something.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import spawn from 'nano-spawn';
import { HelperConnection } from '../../packages/agent/src/helper/connection.ts';
import { buildAgent } from '../../scripts/build-agent/build.ts';
import { BenchFleet } from '../agent/fleet.ts';
import { watchHelpers } from '../agent/helper-usage.ts';
import { readUsage } from '../agent/usage.ts';
import type { Row, Suite } from '../row.ts';

const managedFiles = 500;
/** Until the helper has ended and what the start and the apply have left behind is collected. */
const settleSeconds = 60;
const driftRounds = 25;
/** A drift report that takes longer counts as this long. */
const longestLatency = 10_000;

export const agentSuite: Suite = {
  description:
    'the agent as one executable: size, start, idle memory and CPU, drift (needs root; VARVE_BENCH_IDLE_SECONDS shortens the wait)',
  async run(report, signal) {
    const directory = await mkdtemp(join(tmpdir(), 'varve-bench-agent-'));
    try {
      const executable = join(directory, 'varve-agent');
      report('building the executable');
      await buildAgent(executable);
      const rows = [await sizeOf(executable), await startOf(executable)];
      report(`a host with ${managedFiles} managed files`);
      await using fleet = await BenchFleet.start(executable, managedFiles);
      rows.push(await both(fleet), ...(await idle(fleet, report, signal)));
      rows.push(...(await driftLatencies(fleet, report, signal)), ...(await reconcile(fleet, signal)));
      return rows;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function sizeOf(executable: string): Promise<Row> {
  const node = (await stat(process.execPath)).size / 1e6;
  return {
    name: 'agent-size',
    unit: 'MB',
    ours: (await stat(executable)).size / 1e6,
    limit: `${node.toFixed(1)} MB: Node with its symbols`,
  };
}

async function startOf(executable: string): Promise<Row> {
  const ours = await medianOf(9, () => seconds(executable, '--version'));
  const node = await medianOf(9, () => seconds(process.execPath, '--version'));
  const nothing = await medianOf(9, () => seconds(process.execPath, '--eval', ''));
  const limit = `${nothing.toFixed(3)} s: Node that runs nothing (${node.toFixed(3)} s without starting JavaScript)`;
  return { name: 'agent-start', unit: 's', ours, limit };
}

/** While the helper is there, it and the network side. */
async function both({ agent }: BenchFleet): Promise<Row> {
  await agent.metrics();
  const network = await readUsage(agent.network);
  const helper = await agent.helper();
  const usage = helper === undefined ? undefined : await readUsage(helper);
  const shares = `${megabytes(network.resident)} and ${usage ? megabytes(usage.resident) : 'none'} MB`;
  return {
    name: 'agent-busy-memory',
    unit: 'MB',
    ours: (network.resident + (usage?.resident ?? 0)) / 1e6,
    limit: `${shares}: network side and helper after an apply; pages of the executable count twice`,
  };
}

async function idle({ agent }: BenchFleet, report: (line: string) => void, signal: AbortSignal): Promise<Row[]> {
  const duration = Number(process.env.VARVE_BENCH_IDLE_SECONDS ?? 600);
  await sleep(settleSeconds * 1000, undefined, { signal });
  report(`idle for ${duration} s`);
  const before = await readUsage(agent.network);
  const helpers = await watchHelpers(agent, duration * 1000, signal);
  const after = await readUsage(agent.network);
  const cpu = after.cpu - before.cpu + helpers.cpu;
  const wakeups = after.wakeups - before.wakeups + helpers.wakeups;
  const share = (cpu / (duration * 1000)) * 100;
  const load = (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3).join(' ');
  const seen = `over ${duration} s; a helper was there for ${Math.round(helpers.seconds)} s; load ${load}`;
  return [
    {
      name: 'agent-idle-memory',
      unit: 'MB',
      ours: after.resident / 1e6,
      limit: `${(await emptyNode()).toFixed(1)} MB: Node that runs nothing; of ours ${megabytes(after.anonymous)} MB are in no file; ${seen}`,
    },
    {
      name: 'agent-idle-cpu',
      unit: 'ms/min',
      ours: (cpu / duration) * 60,
      limit: `${share.toFixed(3)} % of a CPU ${seen}`,
    },
    { name: 'agent-idle-wakeups', unit: '1/min', ours: (wakeups / duration) * 60, limit: `all threads ${seen}` },
  ];
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Resident megabytes. */
async function emptyNode(): Promise<number> {
  const child = spawn(process.execPath, ['--eval', 'setTimeout(() => {}, 600_000)'], { stdin: 'ignore' });
  const { pid } = await child.nodeChildProcess;
  await sleep(1000);
  const { resident } = await readUsage(pid ?? 0);
  process.kill(pid ?? 0);
  await child.catch(() => {});
  return resident / 1e6;
}

/** What a look at the host takes: deployments, boot entries, and every managed file, by the helper and over its socket. */
async function reconcile({ agent }: BenchFleet, signal: AbortSignal): Promise<Row[]> {
  await agent.stopNetworkSide();
  while ((await agent.helper()) !== undefined) await sleep(500, undefined, { signal });
  using helper = new HelperConnection(agent.socket, refuse, () => {});
  const look = async (thorough: boolean) => {
    const start = performance.now();
    await helper.call('status', null, { signal });
    await helper.call('checkDrift', { thorough }, { signal });
    return performance.now() - start;
  };
  const cold = await look(true);
  const ours = await medianOf(15, () => look(true));
  const unread = await medianOf(15, () => look(false));
  const limit = `each of ${managedFiles} managed files read; ${unread.toFixed(0)} ms when only inodes are looked at`;
  return [
    { name: 'noop-reconcile', unit: 'ms', ours, limit },
    { name: 'noop-reconcile-cold', unit: 'ms', ours: cold, limit: 'the same, with the start of the helper' },
  ];
}

async function refuse(verb: string): Promise<never> {
  throw new Error(`nothing to lend: ${verb}`);
}

/** From the write of a managed file to the moment at which the agent's metrics tell of it, with and without a helper. */
async function driftLatencies(fleet: BenchFleet, report: (line: string) => void, signal: AbortSignal): Promise<Row[]> {
  report('drift');
  const file = await fleet.managedFile();
  const content = await readFile(file);
  const drift = async () => {
    const start = performance.now();
    await writeFile(file, 'drifted');
    const latency = await until(fleet, 1, start);
    // Until the full check has seen it too.
    await sleep(1000, undefined, { signal });
    await writeFile(file, content);
    await until(fleet, 0, performance.now());
    await sleep(1000, undefined, { signal });
    return latency;
  };
  const first = await drift();
  const latencies = await allOf(driftRounds, drift);
  const limit = `10 ms after the first event; ${driftRounds} writes, the slowest ${Math.max(...latencies).toFixed(0)} ms; ${first.toFixed(0)} ms when the helper was gone`;
  return [{ name: 'drift-latency', unit: 'ms', ours: median(latencies), limit }];
}

async function until(fleet: BenchFleet, paths: number, start: number): Promise<number> {
  while (performance.now() - start < longestLatency && (await fleet.driftedPaths()) !== paths);
  return performance.now() - start;
}

async function seconds(command: string, ...args: string[]): Promise<number> {
  const start = performance.now();
  await spawn(command, args, { stdin: 'ignore' });
  return (performance.now() - start) / 1000;
}

async function medianOf(count: number, measure: () => Promise<number>): Promise<number> {
  return median(await allOf(count, measure));
}

async function allOf(count: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < count; round += 1) values.push(await measure());
  return values;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
