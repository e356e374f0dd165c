// varve-agent kube-install: what the command line and the pod say, as the agent's installOnHost takes it.
import { readFile } from 'node:fs/promises';
import { type Installed, installOnHost } from '@varve/agent';
import type { Context } from '../context.ts';
import { CliError } from '../error.ts';

export interface InstallFlags {
  readonly root: string;
  readonly name: string;
  readonly server?: string;
  readonly tokenFile: string;
  readonly caFile: string;
  readonly timeout: number;
}

export async function installHere(flags: InstallFlags, context: Context): Promise<Installed> {
  const { root, name, tokenFile, caFile, timeout } = flags;
  const [token, ca] = await Promise.all([readFile(tokenFile, 'utf8'), readFile(caFile, 'utf8')]);
  return await installOnHost({
    root,
    source: '/',
    executable: process.execPath,
    server: flags.server ?? serverOfPods(process.env),
    token: token.trim(),
    ca,
    nodeName: name,
    timeout,
    signal: context.signal,
    onProgress: (message) => context.terminal.err(message),
  });
}

/** kubernetes.io, "Accessing the Kubernetes API from a Pod". USAGE outside of one. */
export function serverOfPods({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: port,
}: NodeJS.ProcessEnv): string {
  if (!host || !port) throw new CliError('USAGE', 'where the API server is must be said outside of a pod: --server');
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
