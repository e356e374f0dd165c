// Namespace: born Active with the finalizer and label that tools look for
// (kubernetes/pkg/registry/core/namespace/strategy.go).
import { listAt } from '@varve/api';
import { type ApiObject, isRecord, type JsonObject } from '../object.ts';
import { coreStrategy, type Strategy } from './strategy.ts';

export const nameLabel = 'kubernetes.io/metadata.name';

export const namespaceStrategy: Strategy = {
  ...coreStrategy,
  nameRule: 'label',
  fill: named,
  prepareCreate: (object) => ({ ...object, spec: withOwnFinalizer(object), status: { phase: 'Active' } }),
  prepareUpdate: (object, old) => ({ ...object, spec: old.spec }),
  subresources: { finalize: { verbs: ['update'], write: (object, old) => ({ ...old, spec: object.spec }) } },
};

/** That of the server, which takes it away once the namespace is empty. */
const ownFinalizer = 'kubernetes';

/** Who else the end of the namespace waits for, besides `metadata.finalizers`. */
export function finalizersOf(namespace: ApiObject): unknown[] {
  return listAt(namespace, 'spec', 'finalizers').filter((finalizer) => finalizer !== ownFinalizer);
}

function withOwnFinalizer(namespace: ApiObject): JsonObject {
  const sent = listAt(namespace, 'spec', 'finalizers');
  return { finalizers: sent.includes(ownFinalizer) ? sent : [...sent, ownFinalizer] };
}

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
