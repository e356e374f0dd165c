// Enablement of units is links, made by systemctl and known only afterwards. So the whole set is kept before, and put
// back when the transaction is undone.
import { posix } from 'node:path';
import * as z from 'zod';
import { unitDirectory } from '../content/plan.ts';
import { listUnitLinks } from '../content/units.ts';
import type { Tree } from '../tree/tree.ts';

export const unitLinksSchema = z.object({
  links: z.array(z.object({ path: z.string(), target: z.string() })),
  /** Entries of the unit directory: a directory of wants that was not there vanishes again. */
  names: z.array(z.string()),
});
type UnitLinks = z.infer<typeof unitLinksSchema>;

const owner = { uid: 0, gid: 0 };

export async function readUnitLinks(tree: Tree): Promise<UnitLinks> {
  return { links: await listUnitLinks(tree), names: await tree.list(unitDirectory) };
}

/** Any number of times. `except`: paths that are put back by other means. */
export async function restoreUnitLinks(tree: Tree, before: UnitLinks, except: ReadonlySet<string>): Promise<void> {
  const wanted = new Map(before.links.map(({ path, target }) => [path, target]));
  for (const { path, target } of await listUnitLinks(tree)) {
    if (except.has(path)) continue;
    if (wanted.get(path) === target) wanted.delete(path);
    else if (!wanted.has(path)) await tree.remove(path);
  }
  for (const [path, target] of wanted) if (!except.has(path)) await tree.writeLink(path, target, owner);
  for (const name of await tree.list(unitDirectory)) {
    const path = posix.join(unitDirectory, name);
    if (before.names.includes(name) || except.has(path)) continue;
    if ((await tree.lstat(path))?.isDirectory()) await tree.remove(path);
  }
}
