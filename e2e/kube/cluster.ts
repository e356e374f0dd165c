// The cluster of a test: one that is built and started here, or the one that KUBECONFIG names.
import process from 'node:process';
import { GivenCluster } from './given-cluster.ts';
import { KubernetesServer } from './kubernetes.ts';

export interface Cluster extends AsyncDisposable {
  /** An administrator's. */
  readonly kubeconfig: string;
  /** For files of the test; it goes with the cluster. */
  readonly directory: string;
  /** Where its API server is, and whom to trust for it. */
  readonly endpoint: Endpoint;
  /** Kubelets without machines for every Node with `annotation=value`: pods run there at once, and end when evicted. */
  startKwok(annotation: string): Promise<unknown>;
}

export interface Endpoint {
  readonly server: string;
  readonly ca: string;
}

const given = process.env.KUBECONFIG ?? '';
export const isGiven = given !== '';

/** `controllers` of kube-controller-manager as its flag names them; a given cluster has its own. */
export async function openCluster(...controllers: string[]): Promise<Cluster> {
  if (isGiven) return await GivenCluster.open(given);
  const server = await KubernetesServer.start();
  await server.startControllerManager(...controllers);
  return server;
}
