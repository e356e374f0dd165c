import { writeJoinFile } from '@varve/agent';
import type { JoinToken } from './token.ts';

/** Writes what `varve node join --file` reads; for its owner alone. */
export async function saveJoinFile(path: string, { server, token, caHash, ca, expires }: JoinToken): Promise<void> {
  const pin = caHash === null ? {} : { caHash };
  await writeJoinFile(path, { server, token, expires, ...(ca === null ? pin : { ca }) });
}
