// Who changed a managed path last, where the audit system watches it (auditctl -w PATH -p wa); ausearch(8) knows.
import spawn from 'nano-spawn';
import type { Drift } from '../content/check.ts';

/** So many are asked about: each takes a walk through the whole log. */
const maxAsked = 5;
const timeout = 10_000;

/** Adds it to what is told of the first few; on a host without audit nothing is added. */
export async function withChangers(drift: readonly Drift[], signal: AbortSignal): Promise<Drift[]> {
  const result: Drift[] = [];
  for (const [index, difference] of drift.entries()) {
    const who = index < maxAsked ? await whoChanged(difference.path, signal) : undefined;
    result.push(who ? { ...difference, message: `${difference.message}; last changed by ${who}` } : difference);
  }
  return result;
}

async function whoChanged(path: string, signal: AbortSignal): Promise<string | undefined> {
  const query = ['--input-logs', '--file', path, '--success', 'yes', '--interpret'];
  try {
    return parseLastChange((await spawn('ausearch', query, { signal, timeout, stdin: 'ignore' })).stdout);
  } catch {
    // Not installed, no log, no match: the drift is told all the same.
    signal.throwIfAborted();
    return undefined;
  }
}

/** From the output of `ausearch --interpret`: the login user, the program, and the event to look up. Pure. */
export function parseLastChange(text: string): string | undefined {
  const calls = text.split('\n').filter((line) => line.startsWith('type=SYSCALL ') && !isRead(line));
  const last = calls.at(-1);
  if (last === undefined) return undefined;
  const event = /msg=audit\([^)]*:(\d+)\)/.exec(last)?.[1];
  const program = / exe=(.+?) (?:subj|key)=/.exec(last)?.[1];
  const login = / auid=(\S+)/.exec(last)?.[1];
  const user = login === undefined || login === 'unset' ? / uid=(\S+)/.exec(last)?.[1] : login;
  if (!program || !user) return undefined;
  return `${user} with ${program}${event ? ` (audit event ${event})` : ''}`.slice(0, 512);
}

/** A rule may log reads as well. */
function isRead(line: string): boolean {
  return / syscall=open/.test(line) && /O_RDONLY/.test(line) && !/O_TRUNC|O_WRONLY|O_RDWR/.test(line);
}
