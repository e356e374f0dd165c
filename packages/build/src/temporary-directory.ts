import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** A new directory below `parent`, removed at the end of the scope. It may hold a root file system. */
export async function temporaryDirectory(parent: string, prefix: string): Promise<TemporaryDirectory> {
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, prefix));
  return {
    path,
    // rm stays on one file system: should a mount of a killed tool be left, nothing of the machine is lost.
    [Symbol.asyncDispose]: async () => {
      await runCommand('rm', ['-rf', '--one-file-system', '--', path], { timeout: 5 * 60_000 });
    },
  };
}
