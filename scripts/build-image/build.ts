// What the image for a cluster holds above any Debian: varve as a few scripts with the Node that runs this, and the files of
// the agent's package. deploy/Containerfile puts it into an image.
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { rolldown } from 'rolldown';
import { lazyBuiltins, treeshake } from '../build-agent/bundle.ts';

const entry = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const library = 'usr/lib/varve';
/**
 * The young generation of a busy server would grow to 48 MB and never shrink; with 12 MB, requests take no more of a CPU
 * (`npm run bench -- api`).
 */
export const nodeOptions = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'];
// The user has no entry in passwd(5), and Node wants a home.
const launcher = `#!/bin/sh
export HOME="\${HOME:-/}"
exec /${library}/node ${nodeOptions.join(' ')} /${library}/varve.mjs "$@"
`;

/** Fills `directory` anew. `deb` is the agent's package. */
export async function buildImageTree(directory: string, deb: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, library), { recursive: true });
  await spawn('dpkg-deb', ['--extract', deb, directory]);
  // In images /lib is a link to it, which a directory would replace.
  await cp(join(directory, 'lib'), join(directory, 'usr/lib'), { recursive: true });
  await rm(join(directory, 'lib'), { recursive: true });
  await bundleProgram(entry, join(directory, library), 'varve');
  await spawn('strip', ['--strip-all', '-o', join(directory, library, 'node'), process.execPath]);
  await writeFile(join(directory, 'usr/bin/varve'), launcher);
  for (const path of ['usr/bin/varve', `${library}/node`]) await chmod(join(directory, path), 0o755);
}

/**
 * Makes `NAME.mjs` in `directory` of a program that begins at `from`, with scripts beside it for what it imports later: a
 * command loads its own, and Node can cache what it has compiled of them. Returns its path.
 */
export async function bundleProgram(from: string, directory: string, name: string): Promise<string> {
  await using bundle = await rolldown({
    input: { [name]: from },
    platform: 'node',
    plugins: [lazyBuiltins],
    treeshake,
    logLevel: 'warn',
  });
  const chunkFileNames = `${name}/[name]-[hash].mjs`;
  await bundle.write({ dir: directory, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames });
  return join(directory, `${name}.mjs`);
}
