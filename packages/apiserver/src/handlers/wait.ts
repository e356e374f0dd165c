// Waiting for a revision that a client knows and this server does not have yet.
import { resourceVersionTooLarge } from '../status.ts';
import type { Store } from '../store/store.ts';

/** As upstream: a short wait, then 504 with the cause ResourceVersionTooLarge. */
const maxWaitMilliseconds = 3000;

export async function waitForRevision(store: Store, revision: number | undefined, signal: AbortSignal): Promise<void> {
  if (revision === undefined || revision <= store.revision) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = store.watchEverything((change) => {
    if (change.revision >= revision) resolve();
  });
  const timer = setTimeout(resolve, maxWaitMilliseconds);
  signal.addEventListener('abort', () => resolve(), { once: true });
  try {
    await promise;
  } finally {
    stop();
    clearTimeout(timer);
  }
  if (revision > store.revision) throw resourceVersionTooLarge(revision, store.revision);
}
