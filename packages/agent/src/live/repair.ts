// Puts managed paths of the running deployment back to what its config says, and touches no other.
import type { AppliedContent } from '../content/entry.ts';
import { type ContentPlan, unitDirectory } from '../content/plan.ts';
import { resetUnits } from '../content/reset.ts';
import { resolveContent } from '../content/resolve.ts';
import type { SourceCache } from '../content/source.ts';
import { writeUnits } from '../content/units.ts';
import { wantedEntry } from './change.ts';
import type { TransactionOptions } from './end.ts';
import { readJournal } from './journal.ts';
import { runTransaction } from './transaction.ts';

export interface Repair extends TransactionOptions {
  readonly applied: AppliedContent;
  /** Of the config that is applied. */
  readonly plan: ContentPlan;
  readonly sources: SourceCache;
  readonly paths: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** Nothing while a live apply is under way: it brings its own truth. */
export async function repairPaths(repair: Repair): Promise<void> {
  const { tree, applied, plan, sources, paths, signal } = repair;
  if (await readJournal(repair.journal)) return;
  // A source of another file may be out of reach.
  const files = plan.files.filter(({ path }) => paths.has(path));
  const { entries } = await resolveContent(tree, { ...plan, files }, sources, signal);
  const managed = new Set(applied.entries.map(({ path }) => path));
  const wanted = entries.filter(({ entry }) => paths.has(entry.path) && managed.has(entry.path)).map(wantedEntry);
  const links = [...paths].filter((path) => path.startsWith(unitDirectory) && !managed.has(path));
  const problems: unknown[] = [];
  for (const want of wanted) {
    // Each for itself: one that cannot be put back, such as a directory in the place of a file, holds up no other.
    try {
      await runTransaction(repair, { wanted: [want], actions: [], signal });
    } catch (error) {
      signal.throwIfAborted();
      problems.push(error);
    }
  }
  if (links.length > 0) {
    // Links are single steps that the next check finds undone: they need no journal.
    await resetUnits(tree, applied.units, managed);
    await writeUnits(tree, plan.units, signal);
  }
  const concernsUnits = links.length > 0 || wanted.some(({ path }) => path.startsWith(unitDirectory));
  if (concernsUnits) await repair.services.run({ kind: 'DaemonReload' }, signal);
  if (problems.length > 0) throw problems[0];
}
