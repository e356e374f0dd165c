// A change of a running host as one transaction over all of its files, directories, links and units. Whatever fails, and
// whoever is killed wherever, the host ends with all of the old state or all of the new one.
//
//   writing    new files lie beside the old ones, synced; the old ones have a second name
//   swapping   each path is swapped by a rename; units get their state; the record is written
//   acting     services are told, and the host proves well with it
//   committed  the old ones go
//
// Until it is committed, a failure or a crash puts everything back and tells services again.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Action } from '@varve/api';
import { removeEmptyParents } from '../content/reset.ts';
import { keepBeside, removeBeside, swapIn, writeFileBeside, writeLinkBeside } from '../tree/beside.ts';
import { syncFileSystems } from '../tree/sync.ts';
import type { Tree } from '../tree/tree.ts';
import { type Change, differing, planChanges, type Wanted } from './change.ts';
import { type Journal, readJournal, removeJournal, writeJournal } from './journal.ts';
import type { ServiceManager } from './services.ts';
import { readUnitLinks, restoreUnitLinks } from './unit-links.ts';

export interface TransactionOptions {
  readonly tree: Tree;
  readonly deployment: string;
  readonly journal: string;
  readonly services: ServiceManager;
  /** Told of each step before it is done. */
  readonly onStep?: ((step: string) => void) | undefined;
}

export interface Transaction {
  readonly wanted: readonly Wanted[];
  /** Gives units their state after the swap; enablement as it was is put back when the transaction fails. */
  readonly units?: ((changed: ReadonlySet<string>) => Promise<void>) | undefined;
  /** Looks at what was made, and gives the last file: the record of it. A failure undoes everything. */
  readonly record?: (() => Promise<Wanted & { kind: 'file' }>) | undefined;
  readonly actions: readonly Action[];
  /** Leaves it to `commitTransaction`, once the host has proved well with it; until then a crash undoes everything. */
  readonly hold?: boolean;
  readonly signal: AbortSignal;
}

/** The tree of a deployment; undefined when it is gone. */
type TreeOf = (deployment: string) => Promise<Tree | undefined>;

/** How long undoing may take when the host shuts down around it. */
const undoMilliseconds = 10 * 60_000;

/** True when anything changed. */
export async function runTransaction(options: TransactionOptions, transaction: Transaction): Promise<boolean> {
  const { tree, deployment, journal: path, onStep = () => {} } = options;
  const { actions, units, signal } = transaction;
  const wanted = await differing(tree, transaction.wanted);
  if (wanted.length === 0 && !transaction.record) return false;
  const id = randomBytes(4).toString('hex');
  const changes = await planChanges(tree, wanted, id);
  let journal: Journal = {
    version: 1,
    deployment,
    phase: 'writing',
    changes,
    actions: actions.filter(({ kind }) => kind !== 'None' && kind !== 'Drain'),
    ...(units ? { unitLinks: await readUnitLinks(tree) } : {}),
  };
  const enter = async (phase: Journal['phase']) => {
    await syncTree(tree, journal.changes, signal);
    onStep(phase);
    journal = { ...journal, phase };
    await writeJournal(path, journal);
  };
  signal.throwIfAborted();
  onStep('writing');
  await writeJournal(path, journal);
  try {
    for (const [index, change] of changes.entries()) {
      onStep(`write ${change.path}`);
      await prepare(tree, change, wanted[index]);
    }
    await enter('swapping');
    for (const [index, change] of changes.entries()) {
      onStep(`swap ${change.path}`);
      await swap(tree, change, wanted[index]);
    }
    await relabel(options, changes, signal);
    if (units) {
      onStep('units');
      await units(new Set(changes.map((change) => change.path)));
    }
    if (transaction.record) journal = await writeRecord(options, journal, await transaction.record(), id);
    await enter('acting');
    for (const action of journal.actions) {
      onStep(`act ${action.kind}`);
      await options.services.run(action, signal);
    }
    if (transaction.hold) return true;
    await enter('committed');
  } catch (error) {
    // The disk says how far it came: the write of a phase may have failed after it lasted.
    const reached = (await readJournal(path)) ?? journal;
    if (reached.phase !== 'committed') {
      await undo(options, reached, AbortSignal.timeout(undoMilliseconds));
      throw error;
    }
  }
  await finish(options, journal, AbortSignal.timeout(undoMilliseconds));
  return true;
}

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

/** Everything that can fail for want of space, before anything that anybody reads changes. */
async function prepare(tree: Tree, { path, incoming, outgoing, old }: Change, want: Wanted | undefined): Promise<void> {
  switch (want?.kind) {
    case 'directory':
      if (old.kind === 'absent') await tree.writeDirectory(path, want);
      break;
    case 'file':
      await writeFileBeside(tree, path, incoming, want.content, want);
      break;
    case 'link':
      await writeLinkBeside(tree, path, incoming, want.target, want);
  }
  if (old.kind === 'entry') await keepBeside(tree, path, outgoing);
}

async function swap(tree: Tree, { path, kind, incoming, old }: Change, want: Wanted | undefined): Promise<void> {
  if (kind === 'absent') {
    // A directory goes last: the second names of what was in it are still there.
    if (old.kind === 'entry') await tree.remove(path);
  } else if (kind === 'directory') {
    if (old.kind === 'directory' && want?.kind === 'directory') await tree.writeDirectory(path, want);
  } else await swapIn(tree, path, incoming);
}

async function relabel({ services, onStep }: TransactionOptions, changes: readonly Change[], signal: AbortSignal) {
  onStep?.('relabel');
  const labelled = changes.filter(({ kind }) => kind !== 'absent');
  await services.relabel(
    labelled.map(({ path }) => path),
    signal,
  );
}

/** The record is a change like the others, but what it says is known only now. */
async function writeRecord(
  { tree, journal: path, onStep = () => {} }: TransactionOptions,
  journal: Journal,
  record: Wanted & { kind: 'file' },
  id: string,
): Promise<Journal> {
  const planned = await planChanges(tree, [record], `${id}-record`);
  const extended = { ...journal, changes: [...journal.changes, ...planned] };
  onStep('record');
  await writeJournal(path, extended);
  for (const change of planned) {
    await prepare(tree, change, record);
    onStep('swap record');
    await swap(tree, change, record);
  }
  return extended;
}

async function undo(options: TransactionOptions, journal: Journal, signal: AbortSignal): Promise<void> {
  const { tree, onStep = () => {} } = options;
  const { changes, phase, unitLinks } = journal;
  if (unitLinks && phase !== 'writing') {
    onStep('undo units');
    await restoreUnitLinks(tree, unitLinks, new Set(changes.map((change) => change.path)));
  }
  for (const change of [...changes].reverse()) {
    onStep(`undo ${change.path}`);
    await undoChange(tree, change, phase);
  }
  await syncTree(tree, changes, signal);
  if (phase === 'acting') await actAgain(options, journal, signal);
  onStep('undone');
  await removeJournal(options.journal);
}

async function undoChange(tree: Tree, { path, kind, incoming, outgoing, old }: Change, phase: Journal['phase']) {
  await removeBeside(tree, path, incoming);
  if (old.kind === 'absent') {
    if (kind === 'directory' || phase !== 'writing') await tree.remove(path);
  } else if (old.kind === 'directory') {
    if (kind === 'directory') await tree.writeDirectory(path, old);
  } else {
    await swapIn(tree, path, outgoing);
    // rename(2) does nothing between two names of one file.
    await removeBeside(tree, path, outgoing);
  }
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

async function finish(
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

async function syncTree(tree: Tree, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  const shared = changes.some(({ path }) => !path.startsWith('/etc/'));
  await syncFileSystems([join(tree.root, 'etc'), ...(shared ? [tree.varDirectory] : [])], signal);
}
