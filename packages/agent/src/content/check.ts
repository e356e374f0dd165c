// Compares a deployment with the record of what was written into it. The same comparison verifies an apply, proves a
// boot and finds drift. Contents are never shown, and no hash of them either: a managed file may hold a secret, and a hash
// lets a short one be guessed.
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join, posix } from 'node:path';
import type { MachineConfigNodeStatus } from '@varve/api';
import { OstreeError } from '@varve/ostree';
import { isErrno } from '../state/durable-file.ts';
import { loadNamesAt, type NamesAt } from '../tree/extended-attributes.ts';
import { digestFileAt, type FileDigest, type Tree } from '../tree/tree.ts';
import type { DigestCache } from './digest-cache.ts';
import type { AppliedContent, ManagedEntry, ManagedUnit } from './entry.ts';
import { hashOfHash, passwordHashOf, shadowPath } from './password.ts';
import { listUnitLinks, refersTo } from './units.ts';

export type Drift = NonNullable<MachineConfigNodeStatus['drift']>[number];

/** So many are named; who owns a file can give it many. */
const maxNames = 5;

export interface CheckOptions {
  /** With one, a file whose inode says that nothing has touched it is not read again. */
  readonly cache?: DigestCache | undefined;
  /** Extended attributes too, unless false: what reads them costs memory. */
  readonly extended?: boolean;
}

interface Looks {
  readonly cache: DigestCache | undefined;
  readonly namesAt: NamesAt;
}

/** Every difference, in the order of the record; empty when the deployment is as it was applied. */
export async function checkContent(tree: Tree, applied: AppliedContent, options: CheckOptions = {}): Promise<Drift[]> {
  const { cache, extended = true } = options;
  const looks: Looks = { cache, namesAt: extended ? await loadNamesAt() : () => [] };
  const found = new Map<string, Drift[]>();
  for (const entries of byDirectory(applied.entries)) {
    for (const [path, drift] of await checkDirectory(tree, entries, looks)) found.set(path, drift);
  }
  const drift = applied.entries.flatMap(({ path }) => found.get(path) ?? []);
  const links = applied.units.length > 0 ? await listUnitLinks(tree) : [];
  for (const unit of applied.units) drift.push(...checkUnit(unit, links));
  if (applied.password) drift.push(...(await checkPassword(tree, applied.password)));
  return drift;
}

/** Opening a directory costs more than looking at what is in it. */
function byDirectory(entries: readonly ManagedEntry[]): Iterable<[ManagedEntry, ...ManagedEntry[]]> {
  const groups = new Map<string, [ManagedEntry, ...ManagedEntry[]]>();
  for (const entry of entries) {
    const directory = posix.dirname(entry.path);
    const group = groups.get(directory);
    if (group) group.push(entry);
    else groups.set(directory, [entry]);
  }
  return groups.values();
}

async function checkDirectory(
  tree: Tree,
  entries: readonly [ManagedEntry, ...ManagedEntry[]],
  looks: Looks,
): Promise<[path: string, drift: Drift[]][]> {
  try {
    return await tree.inParent(entries[0].path, async (parent) => {
      const found: [string, Drift[]][] = [];
      for (const entry of entries) {
        found.push([entry.path, await checkEntry(join(parent, posix.basename(entry.path)), entry, looks)]);
      }
      return found;
    });
  } catch (error) {
    const isUnsafe = error instanceof OstreeError && error.code === 'TREE_PATH_UNSAFE';
    if (!isUnsafe && !isErrno(error, 'ENOENT')) throw error;
    return entries.map(({ path, kind }) => [path, [isUnsafe ? strayed(path) : missing(path, kind)]]);
  }
}

/** A parent that became a link or a file is drift of its own, not a failure of the check. */
function strayed(path: string): Drift {
  return { path, kind: 'Type', message: 'a parent is no longer a directory' };
}

function missing(path: string, kind: ManagedEntry['kind']): Drift {
  return { path, kind: 'Missing', message: `the ${kind} is gone` };
}

/** `at`: where the entry lies, in a directory that is held open. Looks are synchronous: each takes microseconds. */
async function checkEntry(at: string, entry: ManagedEntry, { cache, namesAt }: Looks): Promise<Drift[]> {
  const { path } = entry;
  const stats = lstatSync(at, { throwIfNoEntry: false });
  if (!stats) return [missing(path, entry.kind)];
  const kind = kindOf(stats);
  if (kind !== entry.kind) return [{ path, kind: 'Type', message: `is a ${kind}, the config has a ${entry.kind}` }];
  const drift = checkAttributes(entry, stats);
  if (entry.kind === 'link') return [...drift, ...checkTarget(entry, readlinkSync(at))];
  try {
    drift.push(...checkExtended(path, namesAt(at)));
    if (entry.kind === 'directory') return drift;
    return [...drift, ...checkBytes(entry, await digestOf(at, stats, entry.path, cache))];
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ELOOP')) throw error;
    return [missing(path, kind)];
  }
}

async function digestOf(at: string, stats: Stats, path: string, cache: DigestCache | undefined): Promise<FileDigest> {
  const known = cache?.get(path, stats);
  if (known !== undefined) return { sha256: known, size: stats.size };
  const digest = await digestFileAt(at);
  cache?.set(path, stats, digest.sha256);
  return digest;
}

function checkTarget(entry: ManagedEntry & { kind: 'link' }, target: string): Drift[] {
  if (target === entry.target) return [];
  return [{ path: entry.path, kind: 'Content', message: `leads to ${target}, the config says ${entry.target}` }];
}

function checkBytes(entry: ManagedEntry & { kind: 'file' }, digest: FileDigest): Drift[] {
  if (digest.sha256 === entry.sha256 && digest.size === entry.size) return [];
  const { path, size } = entry;
  const message =
    digest.size === size
      ? `has ${size} bytes, as the config says, and they are others`
      : `has ${digest.size} bytes, the config says ${size}`;
  return [{ path, kind: 'Content', message }];
}

async function checkPassword(tree: Tree, { user, sha256 }: NonNullable<AppliedContent['password']>): Promise<Drift[]> {
  const hash = passwordHashOf((await tree.readFile(shadowPath))?.toString('utf8') ?? '', user);
  if (hash !== undefined && hashOfHash(hash) === sha256) return [];
  return [{ path: shadowPath, kind: 'Content', message: `the password of ${user} is not the config's` }];
}

function checkAttributes(entry: ManagedEntry, stats: Stats): Drift[] {
  const drift: Drift[] = [];
  const { path } = entry;
  const mode = stats.mode & 0o7777;
  if (entry.kind !== 'link' && mode !== entry.mode) {
    drift.push({ path, kind: 'Mode', message: `has mode ${octal(mode)}, the config says ${octal(entry.mode)}` });
  }
  if (stats.uid !== entry.uid || stats.gid !== entry.gid) {
    const message = `belongs to ${stats.uid}:${stats.gid}, the config says ${entry.uid}:${entry.gid}`;
    drift.push({ path, kind: 'Owner', message });
  }
  return drift;
}

/** A config gives none (Ignition has no field for them), so that whatever is there was put there by another hand. */
function checkExtended(path: string, names: readonly string[]): Drift[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, maxNames).map((name) => JSON.stringify(name));
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : '';
  const message = `has the extended attributes ${shown.join(', ')}${more}, the config gives it none`;
  return [{ path, kind: 'ExtendedAttributes', message }];
}

function checkUnit(unit: ManagedUnit, links: readonly { path: string; target: string }[]): Drift[] {
  const drift: Drift[] = [];
  for (const { path, target } of unit.links) {
    const link = links.find((candidate) => candidate.path === path);
    if (link?.target === target) continue;
    drift.push({
      path,
      kind: 'Unit',
      message: `unit ${unit.name} is not ${unit.state}: this link is gone or leads elsewhere`,
    });
  }
  if (unit.state === 'enabled') return drift;
  for (const link of links) {
    if (refersTo(link, unit.name)) {
      drift.push({
        path: link.path,
        kind: 'Unit',
        message: `unit ${unit.name} is enabled, the config says ${unit.state}`,
      });
    }
  }
  return drift;
}

function kindOf(stats: Stats): ManagedEntry['kind'] | 'special file' {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'special file';
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
