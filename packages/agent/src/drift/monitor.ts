// Watches what was applied and tells when it differs, or no longer does. inotify says when to look; the look itself is
// the full check, so a lost event costs time, never truth.
import { type FSWatcher, watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Drift } from '../content/check.ts';
import type { DriftRequest, HostState } from '../driver/driver.ts';
import { treeOf } from '../live/live-host.ts';
import { waitFor } from '../report/signal.ts';
import type { Tree } from '../tree/tree.ts';
import { concerns, type WatchList, watchList } from './watch-list.ts';

export interface DriftMonitorOptions {
  /** The host as it is now; asked before each check. */
  readonly host: (signal: AbortSignal) => Promise<HostState>;
  readonly check: (request: DriftRequest) => Promise<readonly Drift[]>;
  /** Called when the list has changed. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** Called when a check itself failed; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds between full checks without an event. */
  readonly interval?: number;
}

const defaultInterval = 5 * 60_000;
/** Editors write in several steps; one look after the last of them is enough. */
const settleMilliseconds = 50;
/** A check that met a deployment in the making is repeated soon. */
const retryMilliseconds = 2_000;

/** Runs until `signal` aborts. */
export async function monitorDrift(options: DriftMonitorOptions, signal: AbortSignal): Promise<void> {
  const { interval = defaultInterval } = options;
  let shown = '[]';
  // Without an event, no inode is believed.
  let thorough = true;
  while (!signal.aborted) {
    const event = Promise.withResolvers<void>();
    let isDue = true;
    using watchers = new Watchers(() => {
      isDue = false;
      event.resolve();
    });
    let pause = interval;
    try {
      const host = await options.host(signal);
      if (host.booted.applied) await watchers.arm(treeOf(host.booted), watchList(host.booted.applied));
      const drift = await options.check({ thorough, signal });
      const text = JSON.stringify(drift);
      if (text !== shown) options.onDrift(drift);
      shown = text;
    } catch (error) {
      if (signal.aborted) return;
      options.onError(error);
      pause = Math.min(interval, retryMilliseconds);
    }
    await waitFor(event.promise, pause, signal);
    thorough = isDue;
    if (!signal.aborted) await sleep(settleMilliseconds, undefined, { signal }).catch(() => {});
  }
}

class Watchers implements Disposable {
  readonly #watchers: FSWatcher[] = [];
  readonly #onEvent: () => void;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Directories that are missing are watched through their parents. */
  async arm(tree: Tree, list: WatchList): Promise<void> {
    for (const directory of list.keys()) {
      try {
        const watcher = watch(await tree.realPath(directory), { persistent: false }, (_type, name) => {
          if (concerns(list, directory, name)) this.#onEvent();
        });
        watcher.on('error', this.#onEvent);
        this.#watchers.push(watcher);
      } catch {
        // Missing, or the limit of watches is reached: the full check at intervals remains.
      }
    }
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
