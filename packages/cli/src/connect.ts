// How a command finds its API server: --kubeconfig, else KUBECONFIG, else ~/.kube/config, as kubectl does; else, in a pod,
// the service account's; else the kubeconfig that `varve up` writes into its default state directory.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Connection, KubeClient, loadInClusterConnection, loadKubeconfig } from '@varve/kube';
import { defaultServerState } from './defaults.ts';

export interface ConnectOptions {
  readonly kubeconfig?: string | undefined;
}

export async function loadConnection(options: ConnectOptions): Promise<Connection> {
  const { kubeconfig } = options;
  if (kubeconfig !== undefined || isConfigured()) return await loadKubeconfig(kubeconfig);
  const inCluster = await loadInClusterConnection({ environment: process.env });
  return inCluster ?? (await loadKubeconfig(localServer()));
}

export async function connect(options: ConnectOptions): Promise<KubeClient> {
  return new KubeClient(await loadConnection(options));
}

function isConfigured(): boolean {
  return process.env.KUBECONFIG !== undefined || existsSync(join(homedir(), '.kube', 'config'));
}

function localServer(): string | undefined {
  const local = join(defaultServerState, 'kubeconfig');
  return existsSync(local) ? local : undefined;
}
