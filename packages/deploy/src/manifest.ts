// Objects as they are handed to a cluster.
import { type KubeObject, partOfLabel } from '@varve/api';

export interface Manifest extends KubeObject {
  readonly [field: string]: unknown;
}

/** An object with our label; `namespace` only for namespaced kinds. */
export function manifest(
  apiVersion: string,
  kind: string,
  { name, namespace, labels }: { name: string; namespace?: string; labels?: Readonly<Record<string, string>> },
  content: Readonly<Record<string, unknown>> = {},
): Manifest {
  const metadata = { name, ...(namespace !== undefined && { namespace }), labels: { ...partOfLabel, ...labels } };
  return { apiVersion, kind, metadata, ...content };
}

export function namespace(name: string, podSecurity: 'restricted' | 'privileged'): Manifest {
  const labels: Record<string, string> = {};
  for (const mode of ['enforce', 'warn', 'audit']) labels[`pod-security.kubernetes.io/${mode}`] = podSecurity;
  return manifest('v1', 'Namespace', { name, labels });
}

export function serviceAccount(name: string, inNamespace: string): Manifest {
  // Who needs a token mounts one with the audience and life that it needs.
  return manifest('v1', 'ServiceAccount', { name, namespace: inNamespace }, { automountServiceAccountToken: false });
}
