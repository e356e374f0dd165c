// Puts the shared files of a deployment in place, before it becomes the next boot: whatever boots finds its own.
import type { AppliedConfig } from '../content/entry.ts';
import type { TransactionOptions } from './end.ts';
import type { SharedFiles } from './shared-files.ts';
import { runTransaction } from './transaction.ts';

/** `record` is the deployment's; undefined for one that Varve wrote nothing for. A crash leaves all old or all new. */
export async function placeShared(
  options: TransactionOptions,
  shared: SharedFiles,
  record: AppliedConfig | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (await shared.areInPlace(record)) return;
  await runTransaction(options, { wanted: await shared.wantedFor(options.tree, record, signal), actions: [], signal });
  await shared.settle(record);
}
