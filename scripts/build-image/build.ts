// What the image for a cluster holds above any Debian: varve in one script with the Node that runs this, and the files of
// the agent's package. deploy/Containerfile puts it into an image.
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { rolldown } from 'rolldown';

const entry = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const library = 'usr/lib/varve';
// The user has no entry in passwd(5), and Node wants a home.
const launcher = `#!/bin/sh
export HOME="\${HOME:-/}"
exec /${library}/node --disable-warning=ExperimentalWarning /${library}/varve.mjs "$@"
`;

/** Fills `directory` anew. `deb` is the agent's package. */
export async function buildImageTree(directory: string, deb: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, library), { recursive: true });
  await spawn('dpkg-deb', ['--extract', deb, directory]);
  // In images /lib is a link to it, which a directory would replace.
  await cp(join(directory, 'lib'), join(directory, 'usr/lib'), { recursive: true });
  await rm(join(directory, 'lib'), { recursive: true });
  await using bundle = await rolldown({ input: entry, platform: 'node', logLevel: 'warn' });
  await bundle.write({ file: join(directory, library, 'varve.mjs'), format: 'esm', codeSplitting: false });
  await spawn('strip', ['--strip-all', '-o', join(directory, library, 'node'), process.execPath]);
  await writeFile(join(directory, 'usr/bin/varve'), launcher);
  for (const path of ['usr/bin/varve', `${library}/node`]) await chmod(join(directory, path), 0o755);
}
