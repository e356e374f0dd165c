// Enablement of systemd units in a deployment that is not running. systemctl reads [Install] sections, aliases and
// templates; which links it made is read back, so that they can be verified, watched and taken away again.
import { posix } from 'node:path';
import spawn, { SubprocessError } from 'nano-spawn';
import { AgentError } from '../error.ts';
import type { Tree } from '../tree/tree.ts';
import type { ManagedUnit } from './entry.ts';
import { type PlannedUnit, unitDirectory } from './plan.ts';

export interface UnitLink {
  readonly path: string;
  readonly target: string;
}

const maskTarget = '/dev/null';
const root = { uid: 0, gid: 0 };
const systemctlTimeoutMilliseconds = 60_000;

/** Gives every unit its state. Throws UNIT_FAILED with what systemctl said. */
export async function writeUnits(
  tree: Tree,
  units: readonly PlannedUnit[],
  signal: AbortSignal,
): Promise<ManagedUnit[]> {
  for (const unit of units) {
    if (unit.state === 'masked') await tree.writeLink(unitPath(unit.name), maskTarget, root);
    else await unmask(tree, unit.name);
    if (unit.state !== 'enabled') await removeLinks(tree, unit.name);
  }
  const before = new Set((await listUnitLinks(tree)).map((link) => link.path));
  const enabled = units.filter((unit) => unit.state === 'enabled').map((unit) => unit.name);
  if (enabled.length > 0) await systemctl(tree, ['enable', '--', ...enabled], signal);
  return attributeLinks(units, await listUnitLinks(tree), before);
}

/** Which links make each unit's state. A link that no name explains came by `Also=` and goes to the first enabled unit. */
export function attributeLinks(
  units: readonly PlannedUnit[],
  links: readonly UnitLink[],
  before: ReadonlySet<string>,
): ManagedUnit[] {
  const explained = new Set(
    links.filter((link) => units.some((unit) => refersTo(link, unit.name))).map((link) => link.path),
  );
  const unexplained = links.filter((link) => !before.has(link.path) && !explained.has(link.path));
  const first = units.find((unit) => unit.state === 'enabled');
  return units.map((unit) => {
    if (unit.state === 'masked') return { ...unit, links: [{ path: unitPath(unit.name), target: maskTarget }] };
    if (unit.state === 'disabled') return { ...unit, links: [] };
    return {
      ...unit,
      links: [...links.filter((link) => refersTo(link, unit.name)), ...(unit === first ? unexplained : [])],
    };
  });
}

/** Whether a link enables the unit: it has the unit's name, or it leads to the unit's file. */
export function refersTo(link: UnitLink, unit: string): boolean {
  if (link.target === maskTarget) return false;
  return posix.basename(link.path) === unit || posix.basename(link.target) === unit;
}

/** Links in the unit directory and in its `.wants`, `.requires` and `.upholds` directories (systemd.unit(5)). */
export async function listUnitLinks(tree: Tree, directory = unitDirectory): Promise<UnitLink[]> {
  const links: UnitLink[] = [];
  for (const name of await tree.list(directory)) {
    // What is kept beside during a transaction; systemd passes over such names as well.
    if (name.startsWith('.')) continue;
    const path = `${directory}/${name}`;
    const stats = await tree.lstat(path);
    if (stats?.isSymbolicLink()) links.push({ path, target: (await tree.readLink(path)) ?? '' });
    else if (stats?.isDirectory() && /\.(wants|requires|upholds)$/.test(name)) {
      links.push(...(await listLinks(tree, path)));
    }
  }
  return links;
}

export function unitPath(name: string): string {
  return `${unitDirectory}/${name}`;
}

async function listLinks(tree: Tree, directory: string): Promise<UnitLink[]> {
  const links: UnitLink[] = [];
  for (const name of await tree.list(directory)) {
    const path = `${directory}/${name}`;
    if ((await tree.lstat(path))?.isSymbolicLink()) links.push({ path, target: (await tree.readLink(path)) ?? '' });
  }
  return links;
}

async function unmask(tree: Tree, name: string): Promise<void> {
  const path = unitPath(name);
  if ((await tree.lstat(path))?.isSymbolicLink() && (await tree.readLink(path)) === maskTarget) await tree.remove(path);
}

async function removeLinks(tree: Tree, name: string): Promise<void> {
  for (const link of await listUnitLinks(tree)) {
    if (refersTo(link, name)) await tree.remove(link.path);
  }
}

async function systemctl(tree: Tree, args: string[], signal: AbortSignal): Promise<void> {
  try {
    await spawn('systemctl', [`--root=${tree.root}`, ...args], {
      env: { SYSTEMD_OFFLINE: '1', LC_ALL: 'C' },
      signal,
      timeout: systemctlTimeoutMilliseconds,
    });
  } catch (cause) {
    // As of an action: a unit is not to blame, nor its config given up, when somebody stops waiting.
    signal.throwIfAborted();
    const output = cause instanceof SubprocessError ? cause.stderr.trim().slice(0, 1000) : String(cause);
    throw new AgentError(
      'UNIT_FAILED',
      `systemctl ${args.join(' ')} failed: ${output}; correct the unit or remove it`,
      { cause },
    );
  }
}
