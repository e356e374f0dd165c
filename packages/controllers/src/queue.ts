// One queue per controller. A conflict is no failure: someone else wrote first, the watch brings what they wrote.
import { isKubeError, type Process, WorkQueue } from '@varve/kube';
import type { Logger } from 'pino';

/** Milliseconds between a lost race and the next look. */
const afterConflict = 50;

/** Waits between failures: the first retries are quick, and a cause that is gone is noticed within half a minute. */
const backoff = { initial: 200, max: 30_000 };

export function createQueue(controller: string, logger: Logger, process: Process, concurrency = 4): WorkQueue {
  const queue = new WorkQueue(
    async (key, signal) => {
      try {
        await process(key, signal);
      } catch (error) {
        if (!isKubeError(error, 'CONFLICT')) throw error;
        queue.addAfter(key, afterConflict);
      }
    },
    {
      concurrency,
      backoff,
      onError: (key, error) => logger.warn({ err: error, controller, key }, 'reconcile failed; it is tried again'),
    },
  );
  return queue;
}
