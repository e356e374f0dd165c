// The two ends of a transaction: everything is put back, or the old state goes. Whichever was begun is gone through with,
// by the next agent if need be.
import { join } from 'node:path';
import { removeEmptyParents } from '../content/reset.ts';
import { removeBeside } from '../tree/beside.ts';
import { syncFileSystems } from '../tree/sync.ts';
import type { Tree } from '../tree/tree.ts';
import type { Change } from './change.ts';
import { type Journal, readJournal, removeJournal, writeJournal } from './journal.ts';
import type { ServiceManager } from './services.ts';
import { undoSwap } from './swap.ts';
import { restoreUnitLinks } from './unit-links.ts';

export interface TransactionOptions {
  readonly tree: Tree;
  readonly deployment: string;
  readonly journal: string;
  readonly services: ServiceManager;
  /** Told of each step before it is done. */
  readonly onStep?: ((step: string) => void) | undefined;
}

/** The tree of a deployment; undefined when it is gone. */
type TreeOf = (deployment: string) => Promise<Tree | undefined>;

/** Ends a transaction that was held: its new state stands from now on. False when there is none. */
export async function commitTransaction(
  options: Omit<TransactionOptions, 'tree' | 'deployment'>,
  treeOf: TreeOf,
  signal: AbortSignal,
): Promise<boolean> {
  const journal = await readJournal(options.journal);
  const tree = journal && (await treeOf(journal.deployment));
  if (!journal || !tree) return false;
  const committed: Journal = { ...journal, phase: 'committed' };
  options.onStep?.('committed');
  await writeJournal(options.journal, committed);
  await finish({ ...options, tree, deployment: journal.deployment }, committed, signal);
  return true;
}

/** What a killed transaction left, or one that is held: undone, or finished when it was committed. Any number of times. */
export async function recoverTransaction(
  options: Omit<TransactionOptions, 'tree' | 'deployment'>,
  treeOf: TreeOf,
  signal: AbortSignal,
): Promise<'nothing' | 'undone' | 'finished'> {
  const journal = await readJournal(options.journal);
  if (!journal) return 'nothing';
  const { deployment } = journal;
  const tree = await treeOf(deployment);
  if (!tree) {
    // Its deployment is gone, and all its changes with it.
    await removeJournal(options.journal);
    return 'nothing';
  }
  const whole = { ...options, tree, deployment };
  if (journal.phase === 'committed') {
    await finish(whole, journal, signal);
    return 'finished';
  }
  await undo(whole, journal, signal);
  return 'undone';
}

/** Puts everything back as the journal has it. */
export async function undo(options: TransactionOptions, journal: Journal, signal: AbortSignal): Promise<void> {
  const { tree, onStep = () => {} } = options;
  const { changes, phase, unitLinks } = journal;
  if (unitLinks && phase !== 'writing') {
    onStep('undo units');
    await restoreUnitLinks(tree, unitLinks, new Set(changes.map((change) => change.path)));
  }
  for (const change of [...changes].reverse()) {
    onStep(`undo ${change.path}`);
    await undoSwap(tree, change, phase);
  }
  await syncTree(tree, changes, signal);
  if (phase === 'acting') await actAgain(options, journal, signal);
  onStep('undone');
  await removeJournal(options.journal);
}

/** Services run with the new state, or may: each is told again. One that fails is as it was told; others must not miss it. */
async function actAgain(
  { services, onStep = () => {} }: TransactionOptions,
  { actions }: Journal,
  signal: AbortSignal,
): Promise<void> {
  for (const action of actions) {
    onStep(`act again ${action.kind}`);
    await services.run(action, signal).catch(() => {});
  }
}

/** The new state stands: what was kept of the old one goes. */
export async function finish(
  { tree, journal: path, onStep = () => {} }: TransactionOptions,
  journal: Journal,
  signal: AbortSignal,
): Promise<void> {
  for (const change of journal.changes) {
    onStep(`finish ${change.path}`);
    if (change.old.kind === 'entry') await removeBeside(tree, change.path, change.outgoing);
    if (change.kind !== 'absent') continue;
    if (change.old.kind === 'directory') await tree.remove(change.path);
    if (change.path.startsWith('/etc/')) await removeEmptyParents(tree, change.path);
  }
  await syncTree(tree, journal.changes, signal);
  onStep('finished');
  await removeJournal(path);
}

/** Makes what was done to these paths last. */
export async function syncTree(tree: Tree, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  const shared = changes.some(({ path }) => !path.startsWith('/etc/'));
  await syncFileSystems([join(tree.root, 'etc'), ...(shared ? [tree.varDirectory] : [])], signal);
}
