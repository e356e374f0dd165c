// Parts of NetworkPolicies (networking.k8s.io/v1).
import { type Manifest, manifest } from './manifest.ts';

/** Nothing in or out for pods of the namespace that no other policy lets. */
export function denyAll(namespace: string): Manifest {
  const spec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };
  return manifest('networking.k8s.io/v1', 'NetworkPolicy', { name: 'deny-all', namespace }, { spec });
}

/** Clusters have it in namespaces of different names, and OpenShift's pods on another port. */
export const dns = {
  to: [{ namespaceSelector: {} }],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
    { protocol: 'UDP', port: 5353 },
    { protocol: 'TCP', port: 5353 },
  ],
};

/** API servers and registries have no pods that a selector could name: by their usual ports. */
export const httpsAnywhere = {
  ports: [
    { protocol: 'TCP', port: 443 },
    { protocol: 'TCP', port: 5000 },
    { protocol: 'TCP', port: 6443 },
  ],
};
