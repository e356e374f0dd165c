// The cluster of a test: one that is built and started here, or the one that KUBECONFIG names.
import process from 'node:process';
import type { Cluster } from './cluster.ts';
import { GivenCluster } from './given-cluster.ts';
import { KubernetesServer } from './kubernetes.ts';

const given = process.env.KUBECONFIG ?? '';
export const isGiven = given !== '';

/** `controllers` of kube-controller-manager as its flag names them; a given cluster has its own. */
export async function openCluster(...controllers: string[]): Promise<Cluster> {
  if (isGiven) return await GivenCluster.open(given);
  const server = await KubernetesServer.start();
  await server.startControllerManager(...controllers);
  return server;
}
