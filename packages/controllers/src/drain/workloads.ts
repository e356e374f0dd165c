// What runs on hosts besides the OS. On a cluster these are pods, which are asked to leave through the API server, so that
// their PodDisruptionBudgets hold. Hosts of the embedded server have none: their own drain hooks do the work there.
import { type Pod, type PodDisruptionBudget, podDisruptionBudgetResource, podResource } from '@varve/api';
import { isKubeError, type KubeClient } from '@varve/kube';

export interface Workloads {
  readonly pods: readonly Pod[];
  readonly budgets: readonly PodDisruptionBudget[];
}

export interface WorkloadSource {
  on(node: string, signal: AbortSignal): Promise<Workloads>;
  /** Asks a pod to leave. Why it may not now, for people; undefined when it goes or is gone. */
  evict(pod: Pod, signal: AbortSignal): Promise<string | undefined>;
}

/** Milliseconds for one eviction: the server asks for pauses while it counts a budget anew, and others wait meanwhile. */
const evictionTimeout = 15_000;

export function clusterWorkloads(client: Pick<KubeClient, 'list' | 'raw'>): WorkloadSource {
  return {
    async on(node, signal) {
      const { items: pods } = await client.list(podResource, { fieldSelector: `spec.nodeName=${node}`, signal });
      if (pods.length === 0) return { pods, budgets: [] };
      return { pods, budgets: (await client.list(podDisruptionBudgetResource, { signal })).items };
    },
    evict: (pod, signal) => evict(client, pod, signal),
  };
}

/** Hosts without pods. */
export const noWorkloads: WorkloadSource = {
  on: async () => ({ pods: [], budgets: [] }),
  evict: async () => undefined,
};

/** policy/v1 Eviction, with the pod's own grace period. Another pod of the same name is not meant. */
async function evict(client: Pick<KubeClient, 'raw'>, pod: Pod, signal: AbortSignal): Promise<string | undefined> {
  const { namespace = '', name = '', uid } = pod.metadata;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { namespace, name },
    deleteOptions: { preconditions: { uid } },
  };
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(evictionTimeout)]);
  try {
    await client.raw(path, { method: 'POST', body, signal: bounded });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    // Gone, or replaced by another pod of that name.
    if (isKubeError(error, 'NOT_FOUND', 'CONFLICT')) return undefined;
    if (bounded.aborted) return 'the API server lets no pod go yet';
    // One pod that cannot leave holds up none of the others.
    if (isKubeError(error)) return error.status?.causes.find(({ message }) => message)?.message ?? error.message;
    throw error;
  }
}
