// The resource limits of a RUN. buildah raises two of them to 1048576 (RLimitDefaultValue in its define/types.go), which takes
// CAP_SYS_RESOURCE: in most containers root has no such right, and the build would end at its first RUN.
import * as fs from 'node:fs/promises';

/** buildah options that leave this process's limits as they are. */
export async function readLimitOptions(): Promise<string[]> {
  return limitOptions(await fs.readFile('/proc/self/limits', 'utf8'));
}

/** `limits` as proc_pid_limits(5) has it. */
export function limitOptions(limits: string): string[] {
  const options: string[] = [];
  for (const [name, label] of [
    ['nofile', 'Max open files'],
    ['nproc', 'Max processes'],
  ]) {
    const [, soft, hard] = new RegExp(`^${label} +(\\S+) +(\\S+)`, 'm').exec(limits) ?? [];
    if (soft !== undefined && hard !== undefined) options.push(`--ulimit=${name}=${value(soft)}:${value(hard)}`);
  }
  return options;
}

function value(limit: string): string {
  return limit === 'unlimited' ? '-1' : limit;
}
