// The journal of a transaction: one file in the root-owned state directory, replaced whole at each phase. What it says
// is enough to finish the transaction or to undo it, whoever was killed in whatever step.
import * as z from 'zod';
import { readState, removeDurable, writeState } from '../state/durable-file.ts';
import { changeSchema } from './change.ts';
import { unitLinksSchema } from './unit-links.ts';

const actionSchema = z.union([
  z.object({ kind: z.enum(['Reboot', 'Drain', 'DaemonReload', 'None']) }),
  z.object({ kind: z.enum(['Reload', 'Restart']), unit: z.string(), ifRunning: z.boolean() }),
]);

export const journalSchema = z.object({
  version: z.literal(1),
  /** The deployment whose /etc the changes are in. */
  deployment: z.string(),
  /**
   * writing: nothing that anybody reads has changed. swapping: some of it may have. acting: all of it has, and services
   * may have been told. committed: the new state stands.
   */
  phase: z.enum(['writing', 'swapping', 'acting', 'committed']),
  changes: z.array(changeSchema),
  /** Enablement before the transaction; absent when no unit changes. */
  unitLinks: unitLinksSchema.optional(),
  /** Done for the new state, and again for the old one. */
  actions: z.array(actionSchema),
});
export type Journal = z.infer<typeof journalSchema>;

export async function readJournal(path: string): Promise<Journal | undefined> {
  return await readState(path, journalSchema);
}

export async function writeJournal(path: string, journal: Journal): Promise<void> {
  await writeState(path, journal);
}

export async function removeJournal(path: string): Promise<void> {
  await removeDurable(path);
}
