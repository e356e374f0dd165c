// Adds to a difference in content what the difference is, where that is nobody's secret: files that everybody on the
// host may read, by the config and as they are, and of those only what does not look like a secret.
import type { Drift } from '../content/check.ts';
import type { PlannedFile } from '../content/plan.ts';
import type { Desired } from '../reconcile/desired.ts';
import type { Tree } from '../tree/tree.ts';
import { inlineContent, plannedFiles } from './inline-contents.ts';
import { lineDiff } from './line-diff.ts';

/** So many are told; a status has its limits. */
const maxDiffs = 10;
const maxBytes = 64 << 10;
const worldReadable = 0o004;

/** `desired` must be what is applied. */
export async function withDiffs(drift: readonly Drift[], desired: Desired, tree: Tree): Promise<Drift[]> {
  const files = plannedFiles(desired.spec);
  const result: Drift[] = [];
  for (const [index, difference] of drift.entries()) {
    const file = index < maxDiffs ? files.get(difference.path) : undefined;
    const isContent = difference.kind === 'Content';
    const diff = file && isContent ? await diffOf(file, tree).catch(() => undefined) : undefined;
    result.push(diff ? { ...difference, diff } : difference);
  }
  return result;
}

async function diffOf(file: PlannedFile, tree: Tree): Promise<string | undefined> {
  const { path, mode } = file;
  const content = inlineContent(file);
  if (!content || (mode & worldReadable) === 0 || content.length > maxBytes) return undefined;
  const stats = await tree.lstat(path);
  if (!stats?.isFile() || (stats.mode & worldReadable) === 0 || stats.size > maxBytes) return undefined;
  const actual = await tree.readFile(path);
  return actual && lineDiff(Buffer.from(content).toString('utf8'), actual.toString('utf8'));
}
