import type { HostDeployment } from '../driver/driver.ts';
import { Tree } from './tree.ts';

/** The files of a deployment. */
export function treeOf({ root, varDirectory }: Pick<HostDeployment, 'root' | 'varDirectory'>): Tree {
  return new Tree(root, varDirectory);
}
