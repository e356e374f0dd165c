// How a command finds its API server: --kubeconfig, else KUBECONFIG, else ~/.kube/config, as kubectl does; else the
// kubeconfig that `varve up` writes into its default state directory.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Connection, KubeClient, loadKubeconfig } from '@varve/kube';
import { defaultServerState } from './defaults.ts';

export interface ConnectOptions {
  readonly kubeconfig?: string | undefined;
}

export async function loadConnection(options: ConnectOptions): Promise<Connection> {
  return await loadKubeconfig(kubeconfigPath(options));
}

export async function connect(options: ConnectOptions): Promise<KubeClient> {
  return new KubeClient(await loadConnection(options));
}

function kubeconfigPath(options: ConnectOptions): string | undefined {
  if (options.kubeconfig !== undefined) return options.kubeconfig;
  if (process.env.KUBECONFIG !== undefined || existsSync(join(homedir(), '.kube', 'config'))) return undefined;
  const local = join(defaultServerState, 'kubeconfig');
  return existsSync(local) ? local : undefined;
}
