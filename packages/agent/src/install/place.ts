// Puts files into the root of a host that is mounted somewhere, never outside of it: links there are the host's.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { AgentError } from '../error.ts';
import { isErrno, readTextIfThere, writeDurable } from '../state/durable-file.ts';

/** True when the host did not have this content. */
export async function placeText(root: string, path: string, content: string): Promise<boolean> {
  const place = await placeBelow(root, path);
  if ((await readTextIfThere(place)) === content) return false;
  await writeDurable(place, content, 0o644);
  return true;
}

/** True when the host did not have these bytes. A program that runs goes on with the old ones. */
export async function placeExecutable(root: string, path: string, source: string): Promise<boolean> {
  const place = await placeBelow(root, path);
  if ((await digestOf(place)) === (await digestOf(source))) return false;
  const temporary = join(dirname(place), `.${basename(place)}.new`);
  try {
    await copyFile(source, temporary);
    await chmod(temporary, 0o755);
    await sync(temporary);
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await sync(dirname(place));
  return true;
}

async function placeBelow(root: string, path: string): Promise<string> {
  const top = await realpath(root);
  const directory = join(top, dirname(path));
  await mkdir(directory, { recursive: true });
  const real = await realpath(directory);
  if (real !== top && !real.startsWith(top === sep ? sep : `${top}${sep}`)) {
    throw new AgentError(
      'CONFIG_UNSUPPORTED',
      `${dirname(path)} of the host leads out of it, to ${real}; make it a relative link, or bring the agent in the host's image`,
    );
  }
  return join(real, basename(path));
}

async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest('hex');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r');
  await file.sync();
}
