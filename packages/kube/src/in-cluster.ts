// The connection of a pod, as Kubernetes puts it there (kubernetes.io, "Accessing the Kubernetes API from a Pod").
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, Credentials } from './connection.ts';
import { KubeError } from './error.ts';
import { proxyFromEnvironment } from './proxy.ts';

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Where token and ca.crt are, unless where every pod has them. */
  readonly directory?: string;
}

/**
 * The service account's connection, which follows its token as the kubelet renews it; undefined outside of a cluster.
 * KUBECONFIG_INVALID when its files are missing.
 */
export async function loadInClusterConnection(options: InClusterOptions): Promise<Connection | undefined> {
  const { environment, directory = serviceAccountDirectory } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) return undefined;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const server = `https://${authority}`;
  const proxy = proxyFromEnvironment(server, environment);
  const reload = async () => await readCredentials(directory);
  return { server, ...(await reload()), ...(proxy === undefined ? {} : { proxy }), reload };
}

async function readCredentials(directory: string): Promise<Credentials> {
  const [token, ca] = await Promise.all([readPart(join(directory, 'token')), readPart(join(directory, 'ca.crt'))]);
  return { ca, token };
}

async function readPart(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    const message = `${path} cannot be read; let the pod mount its service account's token, or give a kubeconfig.`;
    throw new KubeError('KUBECONFIG_INVALID', message, { cause });
  }
}
