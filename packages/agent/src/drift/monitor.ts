// Watches what was applied and tells when it differs, or no longer does. inotify says when to look; the look itself is
// the full check, so a lost event costs time, never truth. A glance at what the event was about comes first: the full check
// may have to wait until a helper has started.
import { watch as watchFile } from 'node:fs';
import { posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Drift } from '../content/check.ts';
import type { DriftRequest, HostOutline } from '../driver/driver.ts';
import { waitFor } from '../report/signal.ts';
import { isErrno } from '../state/durable-file.ts';
import type { Tree } from '../tree/tree.ts';
import { treeOf } from '../tree/tree-of.ts';
import { concerns, type WatchList, watchList } from './watch-list.ts';

export interface DriftMonitorOptions {
  /** The host as it is now; asked before each check. */
  readonly host: (signal: AbortSignal) => Promise<HostOutline>;
  readonly check: (request: DriftRequest) => Promise<readonly Drift[]>;
  /** What can be seen at once of managed paths at and below these; it may miss something. */
  readonly glance: (host: HostOutline, paths: ReadonlySet<string>) => Promise<readonly Drift[]>;
  /** Called with what a glance has found in addition to the last list, and with the full list when that was wrong. */
  readonly onGlance: (drift: readonly Drift[]) => void;
  /** Called when the list has changed. */
  readonly onDrift: (drift: readonly Drift[]) => void;
  /** Called when a check itself failed; it is tried again. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds between full checks without an event. */
  readonly interval?: number;
  /** The system's, unless given. */
  readonly watch?: WatchDirectory;
  /** Until the event, at most so many milliseconds. */
  readonly wait?: typeof waitFor;
}

/** Calls back with the name that changed in a directory, null where that is not known; throws when it cannot watch. */
export type WatchDirectory = (directory: string, onEvent: (name: string | null) => void) => Watcher;

interface Watcher {
  close(): void;
}

/** A full check starts the helper and reads every managed file: nothing for a host at rest. */
const defaultInterval = 60 * 60_000;
/** The same where a directory cannot be watched: one that the agent may not read, or beyond the limit of watches. */
const blindInterval = 5 * 60_000;
/** Whoever truncates a file and fills it again has done so by then, mostly; if not, the full check takes it back. */
const glanceMilliseconds = 10;
/** Editors write in several steps, and an event that comes during a check leads to another one. */
const settleMilliseconds = 50;
/** A check that met a deployment in the making is repeated soon. */
const retryMilliseconds = 2_000;

/** Runs until `signal` aborts. */
export async function monitorDrift(options: DriftMonitorOptions, signal: AbortSignal): Promise<void> {
  const { interval = defaultInterval, watch = watchDirectory, wait = waitFor } = options;
  let shown: readonly Drift[] = [];
  let glanced = false;
  // Without an event, no inode is believed.
  let thorough = true;
  while (!signal.aborted) {
    const event = Promise.withResolvers<void>();
    const changed = new Set<string>();
    using watchers = new Watchers(watch, (path) => {
      changed.add(path);
      event.resolve();
    });
    let pause = interval;
    let host: HostOutline | undefined;
    try {
      host = await options.host(signal);
      const { applied } = host.booted;
      const seesAll = !applied || (await watchers.arm(treeOf(host.booted), watchList(applied)));
      if (!seesAll) pause = Math.min(interval, blindInterval);
      const drift = await options.check({ thorough, signal });
      if (JSON.stringify(drift) !== JSON.stringify(shown)) options.onDrift(drift);
      else if (glanced) options.onGlance(drift);
      shown = drift;
      glanced = false;
    } catch (error) {
      if (signal.aborted) return;
      options.onError(error);
      pause = Math.min(interval, retryMilliseconds);
    }
    await wait(event.promise, pause, signal);
    thorough = changed.size === 0;
    if (thorough) continue;
    await sleep(glanceMilliseconds, undefined, { signal }).catch(() => {});
    try {
      const seen = host ? await options.glance(host, changed) : [];
      if (seen.length > 0) {
        options.onGlance(merge(shown, seen));
        glanced = true;
      }
    } catch (error) {
      options.onError(error);
    }
    await sleep(settleMilliseconds, undefined, { signal }).catch(() => {});
  }
}

function merge(shown: readonly Drift[], seen: readonly Drift[]): Drift[] {
  const paths = new Set(seen.map(({ path }) => path));
  return [...shown.filter(({ path }) => !paths.has(path)), ...seen];
}

function watchDirectory(directory: string, onEvent: (name: string | null) => void): Watcher {
  const watcher = watchFile(directory, { persistent: false }, (_type, name) => onEvent(name));
  return watcher.on('error', () => onEvent(null));
}

class Watchers implements Disposable {
  readonly #watchers: Watcher[] = [];
  readonly #watch: WatchDirectory;
  readonly #onEvent: (path: string) => void;

  /** `onEvent` gets the path that changed, or the directory's where that is not known. */
  constructor(watch: WatchDirectory, onEvent: (path: string) => void) {
    this.#watch = watch;
    this.#onEvent = onEvent;
  }

  /** Directories that are missing are watched through their parents. False when one that is there cannot be watched. */
  async arm(tree: Tree, list: WatchList): Promise<boolean> {
    let seesAll = true;
    for (const directory of list.keys()) {
      try {
        const onEvent = (name: string | null) => {
          if (!concerns(list, directory, name)) return;
          this.#onEvent(name === null ? directory : posix.join(directory, name));
        };
        this.#watchers.push(this.#watch(await tree.realPath(directory), onEvent));
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ENOTDIR')) seesAll = false;
      }
    }
    return seesAll;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
