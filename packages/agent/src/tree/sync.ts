// syncfs(2), for which Node has no function: every file and directory of a file system, in one call.
import spawn from 'nano-spawn';

const timeout = 5 * 60_000;

/** Makes everything in the file systems of these paths last. */
export async function syncFileSystems(paths: readonly string[], signal: AbortSignal): Promise<void> {
  await spawn('sync', ['--file-system', ...paths], { signal, timeout });
}
