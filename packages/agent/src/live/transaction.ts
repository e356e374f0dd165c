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
import type { Action } from '@varve/api';
import { AgentError } from '../error.ts';
import { type Change, differing, planChanges, type Wanted } from './change.ts';
import { finish, syncTree, type TransactionOptions, undo } from './end.ts';
import { type Journal, readJournal, writeJournal } from './journal.ts';
import { prepare, swap } from './swap.ts';
import { readUnitLinks } from './unit-links.ts';

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

/** How long undoing may take when the host shuts down around it. */
const undoMilliseconds = 10 * 60_000;

/** True when anything changed. A held one goes on in `commitTransaction` or `recoverTransaction`. */
export async function runTransaction(options: TransactionOptions, transaction: Transaction): Promise<boolean> {
  const wanted = await differing(options.tree, transaction.wanted);
  if (wanted.length === 0 && !transaction.record) return false;
  transaction.signal.throwIfAborted();
  if (await readJournal(options.journal)) {
    // Its journal is the only way back from it.
    throw new AgentError('STATE_CORRUPT', `${options.journal} is of a change that is not over; start the agent again`);
  }
  const id = randomBytes(4).toString('hex');
  const changes = await planChanges(options.tree, wanted, id);
  try {
    await proceed(options, transaction, { id, wanted, changes });
  } catch (error) {
    // The disk says how far it came: the write of a phase may have failed after it lasted.
    const reached = await readJournal(options.journal);
    if (reached?.phase !== 'committed') {
      if (reached) await undo(options, reached, AbortSignal.timeout(undoMilliseconds));
      throw error;
    }
  }
  const journal = transaction.hold ? undefined : await readJournal(options.journal);
  if (journal) await finish(options, journal, AbortSignal.timeout(undoMilliseconds));
  return true;
}

interface Plan {
  readonly id: string;
  /** One for each change. */
  readonly wanted: readonly Wanted[];
  readonly changes: Change[];
}

/** From one phase to the next, up to the commit. */
async function proceed(options: TransactionOptions, transaction: Transaction, plan: Plan): Promise<void> {
  const { tree, services, onStep = () => {} } = options;
  const { units, signal } = transaction;
  const { changes, wanted } = plan;
  const journal = await begin(options, transaction, changes);
  for (const [index, change] of changes.entries()) {
    onStep(`write ${change.path}`);
    await prepare(tree, change, wanted[index]);
  }
  await enter(options, { ...journal, phase: 'swapping' }, signal);
  for (const [index, change] of changes.entries()) {
    onStep(`swap ${change.path}`);
    await swap(tree, change, wanted[index]);
  }
  await relabel(options, changes, signal);
  if (units) {
    onStep('units');
    await units(new Set(changes.map((change) => change.path)));
  }
  const record = transaction.record ? await writeRecord(options, journal, await transaction.record(), plan.id) : [];
  const whole = { ...journal, changes: [...changes, ...record] };
  await enter(options, { ...whole, phase: 'acting' }, signal);
  for (const action of journal.actions) {
    onStep(`act ${action.kind}`);
    await services.run(action, signal);
  }
  if (!transaction.hold) await enter(options, { ...whole, phase: 'committed' }, signal);
}

async function begin(
  { tree, deployment, journal: path, onStep }: TransactionOptions,
  { actions, units }: Transaction,
  changes: Change[],
): Promise<Journal> {
  const journal: Journal = {
    version: 1,
    deployment,
    phase: 'writing',
    changes,
    actions: actions.filter(({ kind }) => kind !== 'None' && kind !== 'Drain'),
    ...(units ? { unitLinks: await readUnitLinks(tree) } : {}),
  };
  onStep?.('writing');
  await writeJournal(path, journal);
  return journal;
}

/** What was done so far lasts before the journal says so. */
async function enter({ tree, journal: path, onStep }: TransactionOptions, journal: Journal, signal: AbortSignal) {
  await syncTree(tree, journal.changes, signal);
  onStep?.(journal.phase);
  await writeJournal(path, journal);
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
): Promise<Change[]> {
  const planned = await planChanges(tree, [record], `${id}-record`);
  const extended: Journal = { ...journal, phase: 'swapping', changes: [...journal.changes, ...planned] };
  onStep('record');
  await writeJournal(path, extended);
  for (const change of planned) {
    await prepare(tree, change, record);
    onStep('swap record');
    await swap(tree, change, record);
  }
  return planned;
}
