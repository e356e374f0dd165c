// Which PodDisruptionBudget keeps a pod where it is, and whether for ever. Pure. What the API server decides stands in
// kubernetes pkg/registry/core/pod/storage/eviction.go; this only foretells it.
import type { Pod, PodDisruptionBudget } from '@varve/api';
import { matchesSelector } from '@varve/kube';

/** Why no eviction of the pod can ever succeed as things are, for people; undefined where one may. */
export function blockedForEver(pod: Pod, budgets: readonly PodDisruptionBudget[]): string | undefined {
  // Pods that do not run yet, or no longer, are nobody's availability.
  if (pod.status?.phase !== 'Running') return undefined;
  const covering = budgets.filter((budget) => covers(budget, pod));
  const [budget, other] = covering;
  if (!budget) return undefined;
  if (other) {
    return `PodDisruptionBudgets ${nameOf(budget)} and ${nameOf(other)} both cover it, and such a pod cannot be evicted`;
  }
  return !isReady(pod) && allowsUnhealthy(budget) ? undefined : exhausted(budget);
}

/** A pod that is not ready may leave although no disruption is allowed (KEP-3017). */
function allowsUnhealthy({ spec, status }: PodDisruptionBudget): boolean {
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' || (desiredHealthy > 0 && currentHealthy >= desiredHealthy);
}

/** No disruption is allowed now, and none will be when every pod is healthy. */
function exhausted({ metadata, spec, status }: PodDisruptionBudget): string | undefined {
  const { disruptionsAllowed, desiredHealthy = 0, expectedPods = 0, observedGeneration } = status ?? {};
  // Counts of an older spec, or none yet.
  if (disruptionsAllowed === undefined || (observedGeneration ?? 0) < (metadata.generation ?? 0)) return undefined;
  if (disruptionsAllowed > 0 || expectedPods === 0 || expectedPods > desiredHealthy) return undefined;
  const rule =
    spec?.maxUnavailable === undefined
      ? `minAvailable ${spec?.minAvailable ?? 1}`
      : `maxUnavailable ${spec.maxUnavailable}`;
  return `PodDisruptionBudget ${nameOf({ metadata })} (${rule}) wants ${desiredHealthy} of ${expectedPods} pods healthy and leaves none to evict`;
}

function covers({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean {
  const { selector } = spec ?? {};
  if (metadata.namespace !== pod.metadata.namespace || selector === undefined) return false;
  const isEmpty =
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
  // Here, unlike in a pool, an empty selector means every pod of the namespace (policy/v1).
  return isEmpty || matchesSelector(pod.metadata.labels, selector);
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function nameOf({ metadata }: Pick<PodDisruptionBudget, 'metadata'>): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}
