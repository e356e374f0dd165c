// Compares a deployment with the record of what was written into it. The same comparison verifies an apply, proves a
// boot and finds drift. Contents are never shown: a managed file may hold a secret.
import type { Stats } from 'node:fs';
import type { MachineConfigNodeStatus } from '@varve/api';
import { OstreeError } from '@varve/ostree';
import type { Tree } from '../tree/tree.ts';
import type { AppliedContent, ManagedEntry, ManagedUnit } from './entry.ts';
import { hashOfHash, passwordHashOf, shadowPath } from './password.ts';
import { listUnitLinks, refersTo } from './units.ts';

export type Drift = NonNullable<MachineConfigNodeStatus['drift']>[number];

/** Every difference, in the order of the record; empty when the deployment is as it was applied. */
export async function checkContent(tree: Tree, applied: AppliedContent): Promise<Drift[]> {
  const drift: Drift[] = [];
  for (const entry of applied.entries) drift.push(...(await checkSafely(entry.path, () => checkEntry(tree, entry))));
  const links = applied.units.length > 0 ? await listUnitLinks(tree) : [];
  for (const unit of applied.units) drift.push(...checkUnit(unit, links));
  if (applied.password) drift.push(...(await checkPassword(tree, applied.password)));
  return drift;
}

async function checkPassword(tree: Tree, { user, sha256 }: NonNullable<AppliedContent['password']>): Promise<Drift[]> {
  const hash = passwordHashOf((await tree.readFile(shadowPath))?.toString('utf8') ?? '', user);
  if (hash !== undefined && hashOfHash(hash) === sha256) return [];
  return [{ path: shadowPath, kind: 'Content', message: `the password of ${user} is not the config's` }];
}

/** A parent that became a link or a file is drift of its own, not a failure of the check. */
async function checkSafely(path: string, check: () => Promise<Drift[]>): Promise<Drift[]> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof OstreeError && error.code === 'TREE_PATH_UNSAFE') {
      return [{ path, kind: 'Type', message: 'a parent is no longer a directory' }];
    }
    throw error;
  }
}

async function checkEntry(tree: Tree, entry: ManagedEntry): Promise<Drift[]> {
  const { path } = entry;
  const stats = await tree.lstat(path);
  if (!stats) return [{ path, kind: 'Missing', message: `the ${entry.kind} is gone` }];
  const kind = kindOf(stats);
  if (kind !== entry.kind) return [{ path, kind: 'Type', message: `is a ${kind}, the config has a ${entry.kind}` }];
  return [...checkAttributes(entry, stats), ...(await checkBody(tree, entry, stats))];
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

async function checkBody(tree: Tree, entry: ManagedEntry, stats: Stats): Promise<Drift[]> {
  const { path } = entry;
  if (entry.kind === 'link') {
    const target = await tree.readLink(path);
    if (target === entry.target) return [];
    return [{ path, kind: 'Content', message: `leads to ${target}, the config says ${entry.target}` }];
  }
  if (entry.kind === 'directory') return [];
  const digest = await tree.digestFile(path);
  if (!digest) return [{ path, kind: 'Missing', message: 'the file is gone' }];
  if (digest.sha256 === entry.sha256 && stats.size === entry.size) return [];
  const message = `has ${describe(digest)}, the config says ${describe(entry)}`;
  return [{ path, kind: 'Content', message }];
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

function describe({ size, sha256 }: { size: number; sha256: string }): string {
  return `${size} bytes with sha256 ${sha256.slice(0, 12)}…`;
}
