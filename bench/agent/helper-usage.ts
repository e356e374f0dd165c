// What helpers cost, which come and go.
import { setTimeout as sleep } from 'node:timers/promises';
import type { SplitAgent } from '../../e2e/split-agent.ts';
import { readUsage } from './usage.ts';

const lookMilliseconds = 1_000;

/** Of all helpers of some time. */
export interface HelperUsage {
  /** Milliseconds on a CPU. */
  readonly cpu: number;
  readonly wakeups: number;
  /** How long one was there. */
  readonly seconds: number;
}

interface Look {
  readonly pid: number | undefined;
  readonly cpu: number;
  readonly wakeups: number;
}

/** Waits. Of a helper that ends between two looks, what it did since the last one is missing. */
export async function watchHelpers(agent: SplitAgent, milliseconds: number, signal: AbortSignal): Promise<HelperUsage> {
  const end = performance.now() + milliseconds;
  const total = { cpu: 0, wakeups: 0, seconds: 0 };
  let last = await look(agent);
  while (performance.now() < end) {
    await sleep(Math.min(lookMilliseconds, Math.max(0, end - performance.now())), undefined, { signal });
    const now = await look(agent);
    const before = now.pid === last.pid ? last : nothing;
    total.cpu += now.cpu - before.cpu;
    total.wakeups += now.wakeups - before.wakeups;
    if (now.pid !== undefined) total.seconds += lookMilliseconds / 1000;
    last = now;
  }
  return total;
}

const nothing: Look = { pid: undefined, cpu: 0, wakeups: 0 };

async function look(agent: SplitAgent): Promise<Look> {
  const pid = await agent.helper();
  const usage = pid === undefined ? undefined : await readUsage(pid).catch(() => undefined);
  return usage ? { pid, cpu: usage.cpu, wakeups: usage.wakeups } : nothing;
}
