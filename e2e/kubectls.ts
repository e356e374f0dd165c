// The kubectls that tests use.
import process from 'node:process';
import spawn from 'nano-spawn';
import { findKubectl } from '../scripts/kubectl/find.ts';
import { kubectlFromNpm, packagedMinors } from '../scripts/kubectl/npm-package.ts';
import { imageCache } from './os-images.ts';

/** Nothing that is pinned here can build it (docs/api.md): it is the machine's own or none. */
export async function findOc(): Promise<string | undefined> {
  return await spawn('oc', ['version', '--client'], { stdin: 'ignore', timeout: 20_000 }).then(
    () => 'oc',
    () => undefined,
  );
}

/** The machine's own, the oldest that is supported, and the newest that an npm package brings. */
export async function kubectls(): Promise<string[]> {
  return await withOwn([Math.min(...packagedMinors), Math.max(...packagedMinors)]);
}

/** The machine's own, and one of each minor version that npm packages bring. */
export async function everyKubectl(): Promise<string[]> {
  return await withOwn(packagedMinors);
}

/** The packages are for x64; elsewhere the machine's own is all there is. */
async function withOwn(minors: readonly number[]): Promise<string[]> {
  const paths = new Set([(await findKubectl(imageCache)).path]);
  if (process.arch === 'x64') for (const minor of minors) paths.add(await kubectlFromNpm(imageCache, minor));
  return [...paths];
}
