// A first look at some managed paths, by whoever may look: without the rights of root a file may be closed, and in a user
// namespace owners are not what they are (systemd.exec(5), PrivateUsers=). What cannot be seen is left to the full check.
import { createHash } from 'node:crypto';
import { checkContent, type Drift } from '../content/check.ts';
import type { AppliedOutline } from '../content/entry.ts';
import type { Tree } from '../tree/tree.ts';

type EntryOutline = AppliedOutline['entries'][number];

/**
 * Differences of the managed entries at and below `paths`. `contentOf` gives what the config has in a file; where it gives
 * nothing, bytes are not compared.
 */
export async function glance(
  tree: Tree,
  { entries }: Pick<AppliedOutline, 'entries'>,
  paths: ReadonlySet<string>,
  contentOf: (path: string) => Uint8Array | undefined,
): Promise<Drift[]> {
  const drift: Drift[] = [];
  for (const entry of entries.filter(({ path }) => isAtOrBelow(path, paths))) {
    const content = entry.kind === 'file' ? contentOf(entry.path) : undefined;
    const record = { entries: [recordOf(entry, content)], units: [] };
    const found = await checkContent(tree, record, { extended: false }).catch(() => []);
    const isTold = ({ kind }: Drift) => kind !== 'Owner' && (kind !== 'Content' || entry.kind === 'link' || content);
    drift.push(...found.filter(isTold));
  }
  return drift;
}

function recordOf(entry: EntryOutline, content: Uint8Array | undefined) {
  if (entry.kind !== 'file') return entry;
  const sha256 = content ? createHash('sha256').update(content).digest('hex') : '';
  return { ...entry, sha256, size: content?.length ?? entry.size };
}

function isAtOrBelow(path: string, paths: ReadonlySet<string>): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (paths.has(path.slice(0, end))) return true;
  }
  return false;
}
