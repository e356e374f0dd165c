// Joining needs root for what root believes, and nothing of what belongs to the agent: where the agent has a user of its
// own, root would follow whatever that user has put into its directory.
import { stat } from 'node:fs/promises';
import { isErrno } from '../state/durable-file.ts';

/** Works as the owner of `directory`, when this process is root and somebody else owns it. For one thing at a time. */
export async function asOwnerOf<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const owner = await ownerOf(directory);
  if (process.geteuid?.() !== 0 || !owner || owner.uid === 0) return await work();
  // For all threads of the process, those of file operations too (nptl(7), "setxid").
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

async function ownerOf(directory: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    return await stat(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
