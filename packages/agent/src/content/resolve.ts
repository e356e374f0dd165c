// A planned content with everything filled in that the plan leaves open: ids of owners, bytes of sources, the home of
// a user. From here on nothing is looked up or fetched any more.
import { createHash } from 'node:crypto';
import { ApiError } from '@varve/api';
import type { Attributes, Tree } from '../tree/tree.ts';
import type { ManagedEntry } from './entry.ts';
import { readOwners } from './owner.ts';
import type { ContentPlan, PlannedUser } from './plan.ts';
import type { SourceCache } from './source.ts';

export interface ResolvedEntry {
  readonly entry: ManagedEntry;
  /** Bytes of a file; empty otherwise. */
  readonly content: Uint8Array;
}

export interface ResolvedContent {
  /** Directories, files, links; parents before children among the directories. */
  readonly entries: readonly ResolvedEntry[];
  /** Made when they are missing, and left alone otherwise: the home of a user. */
  readonly homes: readonly ({ readonly path: string } & Attributes)[];
  readonly password: { readonly user: string; readonly hash: string } | undefined;
}

const noContent = new Uint8Array();

export async function resolveContent(
  tree: Tree,
  plan: ContentPlan,
  sources: SourceCache,
  signal: AbortSignal,
): Promise<ResolvedContent> {
  const owners = await readOwners(tree);
  const entries: ResolvedEntry[] = [];
  const ownerOf = (entry: { user: string | number; group: string | number }) => ({
    uid: owners.user(entry.user),
    gid: owners.group(entry.group),
  });
  for (const directory of plan.directories) {
    const { path, mode } = directory;
    entries.push({ entry: { kind: 'directory', path, mode, ...ownerOf(directory) }, content: noContent });
  }
  for (const file of plan.files) {
    const content = await sources.read(file.source, signal);
    entries.push(resolvedFile(file.path, content, { mode: file.mode, ...ownerOf(file) }));
  }
  for (const link of plan.links) {
    const { path, target } = link;
    entries.push({ entry: { kind: 'link', path, target, ...ownerOf(link) }, content: noContent });
  }
  const keys = plan.user?.authorizedKeys === undefined ? undefined : await resolveKeys(tree, plan.user);
  const { user } = plan;
  return {
    entries: keys ? [...entries, keys.file] : entries,
    homes: keys?.homes ?? [],
    password: user?.passwordHash === undefined ? undefined : { user: user.name, hash: user.passwordHash },
  };
}

function resolvedFile(path: string, content: Uint8Array, attributes: Attributes): ResolvedEntry {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { entry: { kind: 'file', path, ...attributes, sha256, size: content.byteLength }, content };
}

/** Where Ignition, and so the reference, keeps keys: a fragment that leaves a user's own authorized_keys alone. */
async function resolveKeys(tree: Tree, user: PlannedUser) {
  const account = await readAccount(tree, user.name);
  const { uid, gid, home } = account;
  const directories = [home, `${home}/.ssh`, `${home}/.ssh/authorized_keys.d`];
  return {
    file: resolvedFile(`${home}/.ssh/authorized_keys.d/ignition`, Buffer.from(user.authorizedKeys ?? ''), {
      mode: 0o600,
      uid,
      gid,
    }),
    homes: directories.map((path) => ({ path, mode: 0o700, uid, gid })),
  };
}

/** passwd(5): name, password, uid, gid, comment, home, shell. */
async function readAccount(tree: Tree, user: string): Promise<{ uid: number; gid: number; home: string }> {
  for (const path of ['/etc/passwd', '/usr/lib/passwd']) {
    const text = (await tree.readFile(path))?.toString('utf8') ?? '';
    const fields = text
      .split('\n')
      .find((line) => line.startsWith(`${user}:`))
      ?.split(':');
    const [, , uid, gid, , home] = fields ?? [];
    if (uid && gid && home?.startsWith('/')) return { uid: Number(uid), gid: Number(gid), home };
  }
  throw new ApiError(
    'CONFIG_INVALID',
    `spec.config.passwd.users: the image has no user "${user}"; create it in the Containerfile`,
  );
}
