// Which files differ between two images, and whose they are.
import type { FileFacts, FileTree } from './file-tree.ts';

/** What of a file differs. */
export type FileAspect = 'type' | 'content' | 'mode' | 'owner' | 'xattrs';

export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly type: FileFacts['type'];
  /** Of a changed file. */
  readonly aspects: readonly FileAspect[];
  /** Bytes before and after; 0 for what has no content. */
  readonly sizeBefore: number;
  readonly sizeAfter: number;
  /** The package that it belongs to, where the records of packages tell. */
  readonly package?: string | undefined;
}

/** Files of one package, or those that belong to none and lie in one directory. */
export interface FileGroup {
  /** The name of a package, or a directory such as `/etc`. */
  readonly name: string;
  readonly owner: 'package' | 'directory';
  readonly changes: readonly FileChange[];
}

/** Sorted by path. `owners` tell the package of a path, those of `after` before those of `before`. */
export function compareFiles(
  before: FileTree,
  after: FileTree,
  owners: readonly ReadonlyMap<string, string>[],
): FileChange[] {
  const changes: FileChange[] = [];
  const add = (path: string, old: FileFacts | undefined, now: FileFacts | undefined): void => {
    const type = (now ?? old)?.type;
    const aspects = old === undefined || now === undefined ? [] : aspectsOf(old, now);
    if (type === undefined || (old !== undefined && now !== undefined && aspects.length === 0)) return;
    const owner = owners.find((known) => known.has(path))?.get(path);
    changes.push({
      path: `/${path}`,
      change: old === undefined ? 'added' : now === undefined ? 'removed' : 'changed',
      type,
      aspects,
      sizeBefore: old?.size ?? 0,
      sizeAfter: now?.size ?? 0,
      ...(owner !== undefined && { package: owner }),
    });
  };
  for (const [path, old] of before.entries()) add(path, old, after.get(path));
  for (const [path, now] of after.entries()) {
    if (before.get(path) === undefined) add(path, undefined, now);
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function aspectsOf(old: FileFacts, now: FileFacts): FileAspect[] {
  if (old.type !== now.type) return ['type'];
  const aspects: FileAspect[] = [];
  if (old.content !== now.content) aspects.push('content');
  if (old.mode !== now.mode) aspects.push('mode');
  if (old.uid !== now.uid || old.gid !== now.gid) aspects.push('owner');
  if (old.xattrs !== now.xattrs) aspects.push('xattrs');
  return aspects;
}

/** Packages first, then directories, both sorted by name. */
export function groupFiles(changes: readonly FileChange[]): FileGroup[] {
  const groups = new Map<string, FileChange[]>();
  for (const change of changes) {
    const key = change.package === undefined ? `directory ${topDirectory(change.path)}` : `package ${change.package}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.entries()]
    .map(([key, members]): FileGroup => {
      const owner = key.startsWith('package ') ? 'package' : 'directory';
      return { name: key.slice(owner.length + 1), owner, changes: members };
    })
    .sort((a, b) => (a.owner === b.owner ? (a.name < b.name ? -1 : 1) : a.owner === 'package' ? -1 : 1));
}

/** Two levels below /usr and /var, which hold most of everything; one elsewhere. */
function topDirectory(path: string): string {
  const parts = path.split('/').slice(1, -1);
  return `/${parts.slice(0, parts[0] === 'usr' || parts[0] === 'var' ? 2 : 1).join('/')}`;
}
