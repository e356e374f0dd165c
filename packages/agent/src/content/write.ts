// Writes a planned content into a deployment that nothing boots yet, and tells what is there now.
import { createHash } from 'node:crypto';
import type { Tree } from '../tree/tree.ts';
import type { AppliedConfig, ManagedEntry } from './entry.ts';
import { readOwners } from './owner.ts';
import type { ContentPlan } from './plan.ts';
import type { SourceCache } from './source.ts';
import { writeUnits } from './units.ts';

export async function writeContent(
  tree: Tree,
  plan: ContentPlan,
  sources: SourceCache,
  signal: AbortSignal,
): Promise<Pick<AppliedConfig, 'entries' | 'units'>> {
  const entries: ManagedEntry[] = [];
  const owners = await readOwners(tree);
  const ownerOf = (entry: { user: string | number; group: string | number }) => ({
    uid: owners.user(entry.user),
    gid: owners.group(entry.group),
  });
  for (const { path, mode, ...entry } of plan.directories) {
    const attributes = { mode, ...ownerOf(entry) };
    await tree.writeDirectory(path, attributes);
    entries.push({ kind: 'directory', path, ...attributes });
  }
  for (const { path, mode, source, ...entry } of plan.files) {
    const content = await sources.read(source, signal);
    const attributes = { mode, ...ownerOf(entry) };
    await tree.writeFile(path, content, attributes);
    const sha256 = createHash('sha256').update(content).digest('hex');
    entries.push({ kind: 'file', path, ...attributes, sha256, size: content.byteLength });
  }
  for (const { path, target, ...entry } of plan.links) {
    const owner = ownerOf(entry);
    await tree.writeLink(path, target, owner);
    entries.push({ kind: 'link', path, target, ...owner });
  }
  return { entries, units: await writeUnits(tree, plan.units, signal) };
}
