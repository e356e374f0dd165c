// Runs a command and watches how much memory it and its children take.
import { readFileSync } from 'node:fs';
import spawn from 'nano-spawn';

export interface MeasuredProcess {
  readonly stdout: string;
  readonly seconds: number;
  /** Most bytes that the process and its children had in memory at once, seen every few milliseconds. */
  readonly peakMemory: number;
}

const interval = 10;

export async function runMeasured(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<MeasuredProcess> {
  let peakMemory = 0;
  const start = performance.now();
  const subprocess = spawn(command, [...args], { signal, stdin: 'ignore', stderr: 'inherit' });
  const { pid } = await subprocess.nodeChildProcess;
  const timer = setInterval(() => {
    peakMemory = Math.max(peakMemory, pid === undefined ? 0 : memoryOf(pid));
  }, interval);
  try {
    const { stdout } = await subprocess;
    return { stdout, seconds: (performance.now() - start) / 1000, peakMemory };
  } finally {
    clearInterval(timer);
  }
}

/** Resident bytes of a process and all below it (proc_pid_statm(5)); 0 where it has ended. */
function memoryOf(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    let bytes = pages * 4096;
    for (const child of children === '' ? [] : children.split(' ')) bytes += memoryOf(Number(child));
    return bytes;
  } catch {
    return 0;
  }
}
