import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/**
 * A new directory below `parent`, removed at the end of the scope. It may hold a root file system. What a killed process
 * left under the same prefix goes first.
 */
export async function temporaryDirectory(parent: string, prefix: string): Promise<TemporaryDirectory> {
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    const owner = name.startsWith(prefix) ? /^(\d+)-[^-]+$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (owner !== undefined && !isAlive(Number(owner))) await removeTree(join(parent, name));
  }
  const path = await mkdtemp(join(parent, `${prefix}${process.pid}-`));
  return { path, [Symbol.asyncDispose]: () => removeTree(path) };
}

/** Stays on one file system: should a mount of a killed tool be left, nothing of the machine is lost. */
async function removeTree(path: string): Promise<void> {
  await runCommand('rm', ['-rf', '--one-file-system', '--', path], { timeout: 5 * 60_000 });
}

function isAlive(owner: number): boolean {
  try {
    process.kill(owner, 0);
    return true;
  } catch {
    return false;
  }
}
