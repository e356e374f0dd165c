// Logs of the processes that stay up: one JSON object per line on standard error, which systemd's journal keeps.
import { type Logger, pino } from 'pino';
import { CliError } from './error.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

export interface LogOptions {
  /** Whether the journal reads standard error: lines then begin with their priority, as sd-daemon(3) has it. */
  readonly journal?: boolean;
  /** Gets every line too. */
  readonly copy?: { write(line: string): void };
}

export function createLogger(level: string, { journal = readsJournal(process.env), copy }: LogOptions = {}): Logger {
  if (!levels.some((known) => known === level)) {
    throw new CliError('USAGE', `--log-level is ${levels.join(', ')}; got ${level}`);
  }
  // Synchronous: the last lines before an exit are the ones that matter.
  const destination = pino.destination({ fd: 2, sync: true });
  const write = (line: string) => {
    destination.write(journal ? `${priorityOf(line)}${line}` : line);
    copy?.write(line);
  };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
}

/** systemd.exec(5): set for processes whose output goes to the journal. */
function readsJournal(environment: NodeJS.ProcessEnv): boolean {
  return environment.JOURNAL_STREAM !== undefined;
}

/** pino writes the level first: 20 debug, 30 info, 40 warn, 50 error; syslog(3) has 7, 6, 4 and 3 for them. */
export function priorityOf(line: string): string {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30);
  if (level >= 50) return '<3>';
  if (level >= 40) return '<4>';
  return level >= 30 ? '<6>' : '<7>';
}
