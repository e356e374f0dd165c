// Which part of an object a write can own: what the endpoint throws away belongs to nobody by it (the reset fields of
// each kind's strategy in kubernetes/pkg/registry and apiextensions-apiserver pkg/registry/customresource).
import { type ApiObject, isRecord, type JsonObject } from '../object.ts';
import type { ServedResource } from '../resources.ts';
import { fieldElement } from './elements.ts';
import { difference, type FieldSet, only, setOf, without } from './field-set.ts';

const requests = 'certificatesigningrequests.certificates.k8s.io';

const status = setOf([fieldElement('status')]);
const specAndStatus = setOf([fieldElement('spec')], [fieldElement('status')]);
const conditionsPath = [fieldElement('status'), fieldElement('conditions')];
const conditions = setOf(conditionsPath);

/** Never owned by the one who writes: identity, and what only the server writes (managedfields/internal/stripmeta.go). */
const identity = setOf(
  ...['apiVersion', 'kind', 'metadata'].map((name) => [fieldElement(name)]),
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => [fieldElement('metadata'), fieldElement(name)]),
);

export function withoutIdentity(fields: FieldSet): FieldSet {
  return difference(fields, identity);
}

/** The part of the fields that a write to the resource or its subresource can change. */
export function trackedFields(fields: FieldSet, resource: ServedResource, subresource: string): FieldSet {
  const isRequest = resource.id === requests;
  if (subresource === 'approval') return only(fields, conditionsPath);
  if (subresource === 'finalize') return only(fields, [fieldElement('spec')]);
  if (subresource === 'status') {
    const changed = only(fields, [fieldElement('status')]);
    return isRequest ? without(changed, conditions) : changed;
  }
  if (isRequest) return without(fields, specAndStatus);
  return resource.definition.statusSubresource ? without(fields, status) : fields;
}

/**
 * Structures that are part of their parent in Kubernetes' own kinds, so that they are never absent and nobody owns
 * them by adding them (fields of k8s.io/api that are no pointers).
 */
const embedded: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  [
    'nodes',
    [
      ['spec'],
      ['status'],
      ['status', 'nodeInfo'],
      ['status', 'daemonEndpoints'],
      ['status', 'daemonEndpoints', 'kubeletEndpoint'],
    ],
  ],
  ['namespaces', [['spec'], ['status']]],
  ['leases.coordination.k8s.io', [['spec']]],
  ['events', [['source']]],
]);

/** The object as comparisons see it. */
export function withEmbedded(object: ApiObject | undefined, resource: ServedResource): JsonObject {
  let result: JsonObject = { ...object, metadata: object?.metadata ?? {} };
  for (const path of embedded.get(resource.id) ?? []) result = withStructure(result, path);
  return result;
}

function withStructure(object: JsonObject, path: readonly string[]): JsonObject {
  const [name, ...rest] = path;
  if (name === undefined) return object;
  const child = object[name];
  if (child !== undefined && !isRecord(child)) return object;
  return { ...object, [name]: withStructure(child ?? {}, rest) };
}
