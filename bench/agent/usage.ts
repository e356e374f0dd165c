// What a process costs while it runs, as the kernel counts it (proc_pid_status(5), Documentation/scheduler/sched-stats.rst).
import { readdir, readFile } from 'node:fs/promises';

export interface Usage {
  /** Bytes in memory, those shared with other processes included. */
  readonly resident: number;
  /** Bytes of them that no file holds. */
  readonly anonymous: number;
  /** Milliseconds on a CPU since it began. */
  readonly cpu: number;
  /** How often one of its threads was put on a CPU. */
  readonly wakeups: number;
}

export async function readUsage(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  let nanoseconds = 0;
  let wakeups = 0;
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const [onCpu = '0', , times = '0'] = (await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8')).split(' ');
    nanoseconds += Number(onCpu);
    wakeups += Number(times);
  }
  return {
    resident: kilobytes(status, 'VmRSS') * 1024,
    anonymous: kilobytes(status, 'RssAnon') * 1024,
    cpu: nanoseconds / 1e6,
    wakeups,
  };
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]);
}
