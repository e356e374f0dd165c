// An agent in a process of its own that ends when its host has reached a goal: child.ts SYSROOT GOAL
import { setTimeout as sleep } from 'node:timers/promises';
import { runAgent } from '../agent.ts';
import { restartProcess } from '../boot/restart.ts';
import { goalSchema, isReached } from './goal.ts';
import { createStoryLogger } from './story-logger.ts';

const [, , sysroot = '', text = ''] = process.argv;
const goal = goalSchema.parse(JSON.parse(text));
const stop = new AbortController();

async function stopAtGoal(): Promise<void> {
  while (!(await isReached(sysroot, goal))) await sleep(10, undefined, { signal: stop.signal });
  stop.abort();
}

const watching = stopAtGoal().catch(() => {});
const registry = { insecure: true, retry: { attempts: 2, firstDelay: 50 } };
const outcome = await runAgent({ sysroot, signal: stop.signal, logger: createStoryLogger(), registry });
if (outcome === 'reboot') restartProcess();
await watching;
