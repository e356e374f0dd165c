// Namespace: born Active with the finalizer and label that tools look for
// (kubernetes/pkg/registry/core/namespace/strategy.go).
import { type ApiObject, isRecord } from '../object.ts';
import { coreStrategy, type Strategy } from './strategy.ts';

export const nameLabel = 'kubernetes.io/metadata.name';

export const namespaceStrategy: Strategy = {
  ...coreStrategy,
  nameRule: 'label',
  fill: named,
  prepareCreate: (object) => ({ ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }),
  prepareUpdate: (object, old) => ({ ...object, spec: old.spec }),
};

function named(object: ApiObject): ApiObject {
  const { name } = object.metadata;
  if (name === undefined) return object;
  return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, [nameLabel]: name } } };
}

/** The namespace as it is while its content is deleted. */
export function terminating(namespace: ApiObject, now: string): ApiObject {
  const status = isRecord(namespace.status) ? namespace.status : {};
  return {
    ...namespace,
    metadata: { ...namespace.metadata, deletionTimestamp: namespace.metadata.deletionTimestamp ?? now },
    status: { ...status, phase: 'Terminating' },
  };
}
