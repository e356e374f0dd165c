import type { DeploymentOutline } from '../driver/driver.ts';
import { Tree } from './tree.ts';

/** The files of a deployment. */
export function treeOf({ root, varDirectory }: Pick<DeploymentOutline, 'root' | 'varDirectory'>): Tree {
  return new Tree(root, varDirectory);
}
