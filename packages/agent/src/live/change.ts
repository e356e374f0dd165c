// What a transaction does to each path, found out before anything is touched. Pure but for looking at the tree.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { OstreeError } from '@varve/ostree';
import * as z from 'zod';
import type { ResolvedEntry } from '../content/resolve.ts';
import { type ExtendedAttributes, extendedAttributesSchema } from '../tree/extended-attributes.ts';
import type { Attributes, Tree } from '../tree/tree.ts';

/** What a path is to be. */
export type Wanted =
  | { readonly kind: 'absent'; readonly path: string }
  | ({ readonly kind: 'file'; readonly path: string; readonly content: Uint8Array } & Attributes)
  /** `ifMissing`: one that is there is left as it is. */
  | ({ readonly kind: 'directory'; readonly path: string; readonly ifMissing?: boolean } & Attributes)
  | ({ readonly kind: 'link'; readonly path: string; readonly target: string } & Omit<Attributes, 'mode' | 'extended'>);

const oldSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent') }),
  /** A file, a link or a special file: it is kept under a second name. */
  z.object({ kind: z.literal('entry') }),
  z.object({
    kind: z.literal('directory'),
    ...{ mode: z.int(), uid: z.int(), gid: z.int() },
    extended: extendedAttributesSchema.optional(),
  }),
]);

export const changeSchema = z.object({
  path: z.string(),
  kind: z.enum(['absent', 'file', 'directory', 'link']),
  /** Names beside the path: of what comes, and of what was there. */
  incoming: z.string(),
  outgoing: z.string(),
  old: oldSchema,
});
export type Change = z.infer<typeof changeSchema>;

const parentAttributes: Attributes = { mode: 0o755, uid: 0, gid: 0 };

export function wantedEntry({ entry, content }: ResolvedEntry): Wanted {
  return entry.kind === 'file' ? { ...entry, content } : entry;
}

/** The wanted states that differ from what is there, with missing parents, in the order of the swap. */
export async function differing(tree: Tree, wanted: readonly Wanted[]): Promise<Wanted[]> {
  const result = new Map<string, Wanted>();
  for (const want of wanted) {
    if (await isAsWanted(tree, want)) continue;
    if (want.kind !== 'absent') {
      for (const parent of await missingParents(tree, want.path)) {
        result.set(parent, result.get(parent) ?? { kind: 'directory', path: parent, ...parentAttributes });
      }
    }
    result.set(want.path, want);
  }
  return inOrder([...result.values()]);
}

/** Children go before their parents, and parents come before their children. */
export function inOrder(wanted: readonly Wanted[]): Wanted[] {
  const byPath = [...wanted].sort((a, b) => (a.path < b.path ? -1 : 1));
  const isGone = (want: Wanted) => want.kind === 'absent';
  return [...byPath.filter(isGone).reverse(), ...byPath.filter((want) => !isGone(want))];
}

/**
 * Throws TREE_PATH_UNSAFE when a directory stands where something else is to come, since what is in it may be anybody's,
 * or the other way round.
 */
export async function planChanges(tree: Tree, wanted: readonly Wanted[], id: string): Promise<Change[]> {
  const changes: Change[] = [];
  for (const [index, { kind, path }] of wanted.entries()) {
    const old = await oldState(tree, path);
    if (kind !== 'absent' && old.kind !== 'absent' && (kind === 'directory') !== (old.kind === 'directory')) {
      const found = old.kind === 'directory' ? 'a directory' : 'no directory';
      throw new OstreeError(
        'TREE_PATH_UNSAFE',
        `${path} in ${tree.root} is ${found} and is not replaced by a ${kind}; remove it first`,
      );
    }
    changes.push({ path, kind, incoming: `.varve-${id}-${index}.new`, outgoing: `.varve-${id}-${index}.old`, old });
  }
  return changes;
}

async function oldState(tree: Tree, path: string): Promise<Change['old']> {
  const stats = await tree.lstat(path);
  if (!stats) return { kind: 'absent' };
  if (!stats.isDirectory()) return { kind: 'entry' };
  const { mode, uid, gid } = stats;
  return { kind: 'directory', mode: mode & 0o7777, uid, gid, extended: await tree.extended(path) };
}

async function isAsWanted(tree: Tree, want: Wanted): Promise<boolean> {
  const stats = await tree.lstat(want.path);
  if (want.kind === 'absent') return stats === undefined;
  if (!stats) return false;
  if (want.kind === 'directory' && want.ifMissing) return stats.isDirectory();
  if (stats.uid !== want.uid || stats.gid !== want.gid) return false;
  if (want.kind === 'link') return stats.isSymbolicLink() && (await tree.readLink(want.path)) === want.target;
  if ((stats.mode & 0o7777) !== want.mode) return false;
  if (!isSame(await tree.extended(want.path), want.extended)) return false;
  if (want.kind === 'directory') return stats.isDirectory();
  if (!stats.isFile() || stats.size !== want.content.byteLength) return false;
  return (await tree.digestFile(want.path))?.sha256 === createHash('sha256').update(want.content).digest('hex');
}

function isSame(found: ExtendedAttributes, wanted: ExtendedAttributes = {}): boolean {
  const names = Object.keys(found);
  return names.length === Object.keys(wanted).length && names.every((name) => found[name] === wanted[name]);
}

async function missingParents(tree: Tree, path: string): Promise<string[]> {
  const missing: string[] = [];
  for (const parent of ancestors(path)) {
    if (await tree.lstat(parent)) break;
    missing.push(parent);
  }
  return missing;
}

/** From the nearest to the one below the root. */
function ancestors(path: string): string[] {
  const result: string[] = [];
  for (let parent = posix.dirname(path); posix.dirname(parent) !== '/'; parent = posix.dirname(parent)) {
    result.push(parent);
  }
  return result;
}
