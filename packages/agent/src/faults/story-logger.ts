import { type Logger, pino } from 'pino';

/** Steps and failures; that there is no control plane is no news. */
export function createStoryLogger(): Logger {
  return pino({
    formatters: { log: ({ step, reason, failure }) => ({ step, reason, failure }) },
    hooks: { streamWrite: (line) => (/"(step|failure)":/.test(line) ? line : '') },
  });
}
