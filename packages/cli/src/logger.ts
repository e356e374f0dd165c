// Logs of the processes that stay up: one JSON object per line on standard error, which systemd's journal keeps.
import { type Logger, pino } from 'pino';
import { CliError } from './error.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;

export function createLogger(level: string): Logger {
  if (!levels.some((known) => known === level)) {
    throw new CliError('USAGE', `--log-level is ${levels.join(', ')}; got ${level}`);
  }
  // Synchronous: the last lines before an exit are the ones that matter.
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }));
}
