// Which directories to watch, and which names in them matter: all ancestors of every managed path, so that a parent
// that is renamed away is seen too. A busy directory such as /etc costs nothing for names that nobody manages.
import { posix } from 'node:path';
import type { AppliedOutline } from '../content/entry.ts';
import { shadowPath } from '../content/password.ts';
import { unitDirectory } from '../content/plan.ts';

/** Directory → names; `all` for a directory where any name matters. */
export type WatchList = ReadonlyMap<string, ReadonlySet<string> | 'all'>;

export function watchList(applied: Pick<AppliedOutline, 'entries' | 'units' | 'password'>): WatchList {
  const list = new Map<string, Set<string> | 'all'>();
  for (const entry of applied.entries) addAncestors(list, entry.path);
  if (applied.password) addAncestors(list, shadowPath);
  for (const unit of applied.units) {
    for (const link of unit.links) addAncestors(list, link.path);
  }
  if (applied.units.length > 0) {
    addAncestors(list, `${unitDirectory}/any`);
    list.set(unitDirectory, 'all');
    for (const directory of list.keys()) {
      if (posix.dirname(directory) === unitDirectory) list.set(directory, 'all');
    }
  }
  return list;
}

/** Whether an event concerns a managed path. Without a name, or with the directory's own, anything may have happened. */
export function concerns(list: WatchList, directory: string, name: string | null): boolean {
  const names = list.get(directory);
  if (names === undefined) return false;
  return names === 'all' || name === null || name === posix.basename(directory) || names.has(name);
}

function addAncestors(list: Map<string, Set<string> | 'all'>, path: string): void {
  for (let child = path; child !== '/'; child = posix.dirname(child)) {
    const parent = posix.dirname(child);
    const names = list.get(parent) ?? new Set();
    if (names !== 'all') names.add(posix.basename(child));
    list.set(parent, names);
  }
}
