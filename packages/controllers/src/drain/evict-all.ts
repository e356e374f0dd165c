// Asks pods to leave, a few at a time.
import type { Pod } from '@varve/api';
import { podName } from './disposition.ts';
import { listOf } from './plan.ts';
import type { WorkloadSource } from './workloads.ts';

const atOnce = 8;

/** Why pods may not leave yet, for people; empty when all may. */
export async function evictAll(workloads: WorkloadSource, pods: readonly Pod[], signal: AbortSignal): Promise<string> {
  const refusals: string[] = [];
  for (let start = 0; start < pods.length; start += atOnce) {
    await Promise.all(
      pods.slice(start, start + atOnce).map(async (pod) => {
        const reason = await workloads.evict(pod, signal);
        if (reason !== undefined) refusals.push(`${podName(pod)}: ${reason}`);
      }),
    );
  }
  return listOf(refusals.sort());
}
