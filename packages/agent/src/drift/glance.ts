// A first look at some managed paths, by whoever may look: without the rights of root a file may be closed, and in a user
// namespace owners are not what they are (systemd.exec(5), PrivateUsers=). What cannot be seen is left to the full check.
import { checkContent, type Drift } from '../content/check.ts';
import type { AppliedContent } from '../content/entry.ts';
import type { Tree } from '../tree/tree.ts';

/** Differences of the managed entries at and below `paths`. */
export async function glance(tree: Tree, { entries }: AppliedContent, paths: ReadonlySet<string>): Promise<Drift[]> {
  const drift: Drift[] = [];
  for (const entry of entries.filter(({ path }) => isAtOrBelow(path, paths))) {
    const found = await checkContent(tree, { entries: [entry], units: [] }).catch(() => []);
    drift.push(...found.filter(({ kind }) => kind !== 'Owner'));
  }
  return drift;
}

function isAtOrBelow(path: string, paths: ReadonlySet<string>): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (paths.has(path.slice(0, end))) return true;
  }
  return false;
}
