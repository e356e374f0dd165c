// URLs of resources (Kubernetes API concepts, "Resource URIs").
import type { KubeObject, ResourceDefinition } from '@varve/api';
import { KubeError } from './error.ts';

/** The part of a definition that its URLs need. */
export type ResourceNames = Pick<ResourceDefinition, 'group' | 'version' | 'plural' | 'scope' | 'kind'>;

/** The path of a collection; of all namespaces when `namespace` is absent. */
export function collectionPath(resource: ResourceNames, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  if (resource.scope === 'Cluster' || namespace === undefined) return `${root}/${resource.plural}`;
  return `${root}/namespaces/${segment('namespace', namespace)}/${resource.plural}`;
}

/** The path of one object, or of its `subresource`. */
export function objectPath(resource: ResourceNames, name: string, namespace?: string, subresource?: string): string {
  if (resource.scope === 'Namespaced' && namespace === undefined) {
    throw new KubeError('BAD_REQUEST', `${resource.kind} "${name}" needs a namespace.`);
  }
  const path = `${collectionPath(resource, namespace)}/${segment('name', name)}`;
  return subresource === undefined ? path : `${path}/${segment('subresource', subresource)}`;
}

/** The key of an object in caches and queues: `name`, or `namespace/name`. */
export function keyOf(object: KubeObject): string {
  const name = object.metadata.name ?? '';
  return object.metadata.namespace === undefined ? name : `${object.metadata.namespace}/${name}`;
}

/**
 * `text` as one path segment. An empty name would address the whole collection (and a DELETE would empty it); the rest
 * is apimachinery's IsValidPathSegmentName.
 */
function segment(what: string, text: string): string {
  if (text === '' || text === '.' || text === '..' || /[/%]/.test(text)) {
    throw new KubeError('BAD_REQUEST', `"${text}" cannot be a ${what}.`);
  }
  return encodeURIComponent(text);
}
