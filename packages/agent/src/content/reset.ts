// Takes a former config out of a deployment. OSTree's /etc merge carries every local change into a new deployment, so
// what the agent once wrote must be put back to the image's own version, or vanish, before the next config is written.
import { posix } from 'node:path';
import type { Tree } from '../tree/tree.ts';
import type { AppliedContent, ManagedUnit } from './entry.ts';
import { writePassword } from './password.ts';
import { unitDirectory } from './plan.ts';
import { listUnitLinks, refersTo } from './units.ts';

export async function resetContent(tree: Tree, applied: AppliedContent): Promise<void> {
  const paths = new Set(applied.entries.map((entry) => entry.path));
  for (const path of await unitLinkPaths(tree, applied.units)) paths.add(path);
  await restoreAll(tree, paths);
  if (applied.password) await writePassword(tree, applied.password.user, undefined);
}

/** Gives units the state that the image gives them, but leaves these paths alone. */
export async function resetUnits(
  tree: Tree,
  units: readonly ManagedUnit[],
  except: ReadonlySet<string>,
): Promise<void> {
  const paths = await unitLinkPaths(tree, units);
  await restoreAll(
    tree,
    paths.filter((path) => !except.has(path)),
  );
}

/** Links that a config made for its units, and those of the image that it took away. */
async function unitLinkPaths(tree: Tree, units: readonly ManagedUnit[]): Promise<string[]> {
  const paths: string[] = [];
  for (const unit of units) {
    paths.push(...unit.links.map((link) => link.path));
    if (unit.state !== 'enabled') paths.push(...(await imageLinks(tree, unit.name)));
  }
  return paths;
}

async function restoreAll(tree: Tree, paths: Iterable<string>): Promise<void> {
  // Children before parents: a directory can only vanish empty.
  for (const path of [...paths].sort().reverse()) {
    // An image may ship a record of its own making; what deployments share is not OSTree's to carry.
    if (path.startsWith('/etc/')) await restore(tree, path);
  }
}

/** Where the image itself enables the unit. */
async function imageLinks(tree: Tree, unit: string): Promise<string[]> {
  const links = await listUnitLinks(tree, `/usr${unitDirectory}`);
  return links.filter((link) => refersTo(link, unit)).map((link) => link.path.slice('/usr'.length));
}

/** Gives `/etc/X` what `/usr/etc/X` has. */
async function restore(tree: Tree, path: string): Promise<void> {
  const original = `/usr${path}`;
  const stats = await tree.lstat(original);
  if (!stats) {
    if (await tree.remove(path)) await removeEmptyParents(tree, path);
    return;
  }
  const { mode, uid, gid } = stats;
  const attributes = { mode: mode & 0o7777, uid, gid, extended: await tree.extended(original) };
  if (stats.isDirectory()) {
    if (!(await tree.lstat(path))?.isDirectory()) await tree.remove(path);
    await tree.writeDirectory(path, attributes);
    return;
  }
  await tree.remove(path);
  if (stats.isSymbolicLink()) await tree.writeLink(path, (await tree.readLink(original)) ?? '', attributes);
  else await tree.writeFile(path, (await tree.readFile(original)) ?? new Uint8Array(), attributes);
}

/** Directories that were made for a managed entry and that the image does not have. */
export async function removeEmptyParents(tree: Tree, path: string): Promise<void> {
  for (let parent = posix.dirname(path); parent !== '/etc' && parent !== '/'; parent = posix.dirname(parent)) {
    if (await tree.lstat(`/usr${parent}`)) return;
    if (!(await tree.remove(parent))) return;
  }
}
