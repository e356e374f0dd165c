import { writeJoinFile } from '@varve/agent';
import type { JoinToken } from './token.ts';

/** Writes what `varve node join --file` reads; for its owner alone. */
export async function saveJoinFile(path: string, { server, token, caHash, expires }: JoinToken): Promise<void> {
  await writeJoinFile(path, { server, token, expires, ...(caHash === null ? {} : { caHash }) });
}
