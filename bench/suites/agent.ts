// What the agent costs a host that has nothing to do, and how fast it is when there is something.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostStatus } from '@varve/agent';
import spawn from 'nano-spawn';
import { buildAgent } from '../../scripts/build-agent/build.ts';
import { BenchFleet } from '../agent/fleet.ts';
import { readUsage } from '../agent/usage.ts';
import type { Row, Suite } from '../row.ts';

const managedFiles = 500;
/** Until what the start and the apply have left behind is collected. */
const settleSeconds = 30;
/** A drift report that takes longer counts as this long. */
const longestLatency = 10_000;

export const agentSuite: Suite = {
  description:
    'the agent as one executable: size, start, idle memory and CPU, drift (needs root; VARVE_BENCH_IDLE=SECONDS)',
  async run(report, signal) {
    const directory = await mkdtemp(join(tmpdir(), 'varve-bench-agent-'));
    try {
      const executable = join(directory, 'varve-agent');
      report('building the executable');
      await buildAgent(executable);
      const rows = [await sizeOf(executable), await startOf(executable)];
      report(`a host with ${managedFiles} managed files`);
      await using fleet = await BenchFleet.start(executable, managedFiles);
      rows.push(...(await idle(fleet, report, signal)), await reconcile(fleet), await driftLatency(fleet, signal));
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

async function idle({ pid }: BenchFleet, report: (line: string) => void, signal: AbortSignal): Promise<Row[]> {
  const duration = Number(process.env.VARVE_BENCH_IDLE ?? 600);
  await sleep(settleSeconds * 1000, undefined, { signal });
  report(`idle for ${duration} s`);
  const before = await readUsage(pid);
  await sleep(duration * 1000, undefined, { signal });
  const after = await readUsage(pid);
  const cpu = after.cpu - before.cpu;
  const wakeups = after.wakeups - before.wakeups;
  return [
    {
      name: 'agent-idle-memory',
      unit: 'MB',
      ours: after.resident / 1e6,
      limit: `${(await emptyNode()).toFixed(1)} MB: Node that runs nothing; of ours ${(after.anonymous / 1e6).toFixed(1)} MB are in no file`,
    },
    {
      name: 'agent-idle-cpu',
      unit: 'ms/min',
      ours: (cpu / duration) * 60,
      limit: `${((cpu / duration) * 0.1).toFixed(3)} % of a CPU over ${duration} s; a lease every 10 s`,
    },
    { name: 'agent-idle-wakeups', unit: '1/min', ours: (wakeups / duration) * 60, limit: 'all threads' },
  ];
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

/** What a pass looks at when there is nothing to do: deployments, boot entries, and every managed file. */
async function reconcile({ host }: BenchFleet): Promise<Row> {
  for (let round = 0; round < 5; round += 1) await hostStatus(host.sysroot);
  const rounds = 15;
  const before = process.cpuUsage();
  const ours = await medianOf(rounds, async () => {
    const start = performance.now();
    await hostStatus(host.sysroot);
    return performance.now() - start;
  });
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 1000 / rounds;
  const limit = `${cpu.toFixed(0)} ms of CPU; each of ${managedFiles} managed files read`;
  return { name: 'noop-reconcile', unit: 'ms', ours, limit };
}

/** From the write to the moment at which the agent's metrics tell of it. */
async function driftLatency(fleet: BenchFleet, signal: AbortSignal): Promise<Row> {
  const file = await fleet.managedFile();
  const content = await readFile(file);
  const ours = await medianOf(7, async () => {
    const start = performance.now();
    await writeFile(file, 'drifted');
    const latency = await until(fleet, 1, start);
    await writeFile(file, content);
    await until(fleet, 0, performance.now());
    await sleep(1000, undefined, { signal });
    return latency;
  });
  return {
    name: 'drift-latency',
    unit: 'ms',
    ours,
    limit: '50 ms: the agent waits for the end of a burst of writes',
  };
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
  const values: number[] = [];
  for (let round = 0; round < count; round += 1) values.push(await measure());
  return values.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
}
