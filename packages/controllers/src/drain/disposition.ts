// What a drain does about one pod of a host, by the rules of `kubectl drain --ignore-daemonsets` (kubernetes
// staging/src/k8s.io/kubectl/pkg/drain/filters.go) and the pool's policy. Pure.
import type { DrainPolicy, Pod } from '@varve/api';

export type Disposition =
  /** It stays, and holds nothing up. */
  | { readonly kind: 'Stay' }
  | { readonly kind: 'Evict' }
  /** It was deleted, and is on its way out. */
  | { readonly kind: 'Leaving' }
  /** The pool's policy does not let it be evicted. */
  | { readonly kind: 'Block'; readonly reason: string };

/** Of a pod that a kubelet runs from a file (kubernetes pkg/kubelet/types, ConfigMirrorAnnotationKey). */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function dispositionOf(pod: Pod, policy: DrainPolicy): Disposition {
  const { annotations, deletionTimestamp } = pod.metadata;
  // The API's copy of a static pod: it goes and comes with its file.
  if (annotations?.[mirrorAnnotation] !== undefined) return { kind: 'Stay' };
  const isFinished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  // Its controller ignores the cordon, and would put it back at once.
  if (owner?.kind === 'DaemonSet' && !isFinished) return { kind: 'Stay' };
  if (deletionTimestamp !== undefined) return { kind: 'Leaving' };
  if (isFinished) return { kind: 'Evict' };
  if (owner === undefined && policy.unmanagedPods === 'Block') {
    return { kind: 'Block', reason: 'has no controller that would make it anew elsewhere' };
  }
  if (policy.emptyDir === 'Block' && hasLocalData(pod)) {
    return { kind: 'Block', reason: 'has emptyDir volumes, whose data would be lost' };
  }
  return { kind: 'Evict' };
}

function hasLocalData(pod: Pod): boolean {
  return pod.spec?.volumes?.some(({ emptyDir }) => emptyDir !== undefined) ?? false;
}

/** `namespace/name`. */
export function podName({ metadata }: Pod): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}
