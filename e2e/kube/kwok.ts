// kwok: kubelets without machines, for any cluster.
import { join } from 'node:path';
import { Daemon } from '../process.ts';
import { buildProgram } from './programs.ts';

/** For every Node with `annotation=value`: pods run there at once, and end when evicted. */
export async function startKwok(kubeconfig: string, annotation: string, directory: string): Promise<Daemon> {
  const args = [
    `--kubeconfig=${kubeconfig}`,
    `--config=${join(import.meta.dirname, 'stages.yaml')}`,
    `--manage-nodes-with-annotation-selector=${annotation}`,
    // The hosts' own agents keep their leases.
    '--node-lease-duration-seconds=0',
  ];
  const daemon = new Daemon('kwok', await buildProgram('kwok'), args, join(directory, 'kwok.log'));
  daemon.start();
  return daemon;
}
