/**
 * Ends a stream with the signal's reason as soon as it aborts, also while the source gives nothing. The source is told to
 * end; that it does is not waited for.
 */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let isDone = false;
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done === true) {
        isDone = true;
        return;
      }
      yield next.value;
    }
  } finally {
    if (!isDone) {
      const ended = Promise.resolve(iterator.return?.());
      if (signal.aborted) ended.catch(() => undefined);
      else await ended;
    }
  }
}

/** The operation's outcome, or the signal's reason as soon as it aborts; the operation itself goes on. */
export function unlessAborted<T>(operation: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    operation.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
