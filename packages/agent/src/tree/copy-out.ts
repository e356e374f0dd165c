// A copy of a file out of a directory that may be a user's own. Between a look at a name and the copy its owner can put a
// link there, and root would hand out what that leads to.
import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { readExtended } from './extended-attributes.ts';
import type { Attributes } from './tree.ts';

/** `from`: a path whose parent is held open. What was copied; undefined for what is no regular file. Throws ELOOP for a link. */
export async function copyOut(from: string, to: string): Promise<Attributes | undefined> {
  await using file = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) return undefined;
  await copyFile(`/proc/self/fd/${file.fd}`, to, constants.COPYFILE_FICLONE);
  const { mode, uid, gid } = stats;
  // Afterwards: a write takes a file's capabilities away, and none may go to what was written without them.
  return { mode: mode & 0o7777, uid, gid, extended: await readExtended(file.fd) };
}
