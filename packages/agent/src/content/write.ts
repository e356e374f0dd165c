// Writes a resolved content into a deployment that nothing boots yet, and tells what is there now. What all deployments
// share is not written here: the running one still lives with its own.
import type { Tree } from '../tree/tree.ts';
import type { AppliedContent } from './entry.ts';
import { hashOfHash, writePassword } from './password.ts';
import { isShared, type PlannedUnit } from './plan.ts';
import type { ResolvedContent, ResolvedEntry } from './resolve.ts';
import { writeUnits } from './units.ts';

export async function writeContent(
  tree: Tree,
  { entries, homes, password }: ResolvedContent,
  units: readonly PlannedUnit[],
  signal: AbortSignal,
): Promise<AppliedContent> {
  for (const resolved of entries) if (!isShared(resolved.entry.path)) await writeEntry(tree, resolved);
  if (password) await writePassword(tree, password.user, password.hash);
  return {
    entries: entries.map(({ entry }) => entry),
    units: await writeUnits(tree, units, signal),
    ...(homes.length > 0 ? { homes: [...homes] } : {}),
    ...(password ? { password: { user: password.user, sha256: hashOfHash(password.hash) } } : {}),
  };
}

async function writeEntry(tree: Tree, { entry, content }: ResolvedEntry): Promise<void> {
  switch (entry.kind) {
    case 'directory':
      return await tree.writeDirectory(entry.path, entry);
    case 'file':
      return await tree.writeFile(entry.path, content, entry);
    case 'link':
      return await tree.writeLink(entry.path, entry.target, entry);
  }
}
