// What an update makes of the stored object. Pure: the rules about metadata, status, generation and finalizers
// (apiserver pkg/registry/rest/update.go, apimachinery pkg/api/validation/objectmeta.go).
import type { ManagedFieldsEntry } from '@varve/api';
import { type ApiObject, jsonEqual } from './object.ts';
import { complete } from './prepare.ts';
import type { ServedResource } from './resources.ts';
import {
  badRequest,
  conflict,
  invalid,
  modified,
  type StatusCause,
  type StatusError,
  unknownResource,
} from './status.ts';
import type { WriteContext } from './strategies/strategy.ts';

export interface Change {
  /** What the client sent, or what its patch made of the old object. */
  readonly sent: ApiObject;
  readonly managedFields: readonly ManagedFieldsEntry[] | undefined;
  /** '' for the main resource. */
  readonly subresource: string;
}

/** The object to store instead of `old`, still under the old resourceVersion. Throws 400, 409 and 422. */
export function updated(
  { sent, managedFields, subresource }: Change,
  old: ApiObject,
  resource: ServedResource,
  context: WriteContext,
): ApiObject {
  checkPreconditions(sent, old, subresource, resource);
  const merged = mergeSubresource({ ...sent, metadata: keptMetadata(sent, old) }, old, subresource, resource, context);
  const object = complete(merged, old, resource);
  checkFinalizers(object, old, resource);
  const { managedFields: _, ...metadata } = { ...object.metadata, ...generationOf(object, old, resource) };
  return {
    ...object,
    metadata: managedFields === undefined ? metadata : { ...metadata, managedFields: [...managedFields] },
  };
}

/** True when nothing differs but the times of managed fields: such a write is none. */
export function isUnchanged(object: ApiObject, old: ApiObject): boolean {
  return jsonEqual(withoutTimes(object), withoutTimes(old));
}

function withoutTimes(object: ApiObject): ApiObject {
  const { managedFields = [], ...metadata } = object.metadata;
  const timeless = managedFields.map(({ time: _, ...entry }) => ({ ...entry, fieldsType: 'FieldsV1' as const }));
  return { ...object, metadata: { ...metadata, managedFields: timeless } };
}

function checkPreconditions(sent: ApiObject, old: ApiObject, subresource: string, resource: ServedResource): void {
  const { definition, strategy } = resource;
  const name = old.metadata.name ?? '';
  if (sent.metadata.name !== undefined && sent.metadata.name !== name) {
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`);
  }
  const namespace = sent.metadata.namespace ?? '';
  if (resource.namespaced && namespace !== '' && namespace !== old.metadata.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const version = sent.metadata.resourceVersion ?? '';
  if (version === '' && !strategy.unconditionalUpdate && subresource !== 'scale') {
    const message = 'Invalid value: 0: must be specified for an update';
    const cause = { reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message };
    throw invalid(definition.plural, definition.group, name, [cause]);
  }
  const uid = sent.metadata.uid ?? '';
  if (uid !== '' && uid !== old.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ''}`;
    throw conflict(definition, name, why);
  }
  if (version !== '' && version !== '0' && version !== old.metadata.resourceVersion) throw modified(definition, name);
  const { deletionTimestamp } = sent.metadata;
  if (deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined) {
    const message = `Invalid value: ${JSON.stringify(deletionTimestamp)}: field is immutable`;
    const cause = { reason: 'FieldValueInvalid', field: 'metadata.deletionTimestamp', message };
    throw invalid(definition.kind, definition.group, name, [cause]);
  }
}

/** Fields that only the server writes; what a client sends for them is ignored. */
const serverFields = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
] as const;

function keptMetadata(sent: ApiObject, old: ApiObject): ApiObject['metadata'] {
  const metadata = { ...sent.metadata };
  for (const field of serverFields) {
    delete metadata[field];
    if (old.metadata[field] !== undefined) Object.assign(metadata, { [field]: old.metadata[field] });
  }
  return metadata;
}

function mergeSubresource(
  object: ApiObject,
  old: ApiObject,
  subresource: string,
  resource: ServedResource,
  context: WriteContext,
): ApiObject {
  if (subresource === 'status') return withStatus(old, object.status);
  if (subresource !== '') {
    const found = resource.strategy.subresources?.[subresource];
    if (found === undefined) throw unknownResource();
    return found.write(object, old, context);
  }
  const own = resource.definition.statusSubresource ? withStatus(object, old.status) : object;
  return resource.strategy.prepareUpdate?.(own, old) ?? own;
}

function withStatus(object: ApiObject, status: unknown): ApiObject {
  const { status: _status, ...rest } = object;
  const base: ApiObject = { ...rest, apiVersion: object.apiVersion, kind: object.kind, metadata: object.metadata };
  return status === undefined ? base : { ...base, status };
}

function checkFinalizers(object: ApiObject, old: ApiObject, resource: ServedResource): void {
  if (old.metadata.deletionTimestamp === undefined) return;
  const before = old.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
  if (added.length === 0) return;
  const why = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  const cause: StatusCause = { reason: 'FieldValueForbidden', field: 'metadata.finalizers', message: why };
  throw invalid(resource.definition.kind, resource.definition.group, object.metadata.name ?? '', [cause]);
}

/** Grows when anything but metadata and status changes; kinds of the core have none. */
function generationOf(object: ApiObject, old: ApiObject, resource: ServedResource): { generation?: number } {
  if (!resource.definition.custom) return {};
  const generation = old.metadata.generation ?? 1;
  return { generation: jsonEqual(wanted(object, resource), wanted(old, resource)) ? generation : generation + 1 };
}

function wanted(object: ApiObject, resource: ServedResource): unknown {
  const { metadata: _metadata, ...rest } = object;
  if (!resource.definition.statusSubresource) return rest;
  const { status: _status, ...spec } = rest;
  return spec;
}

/** True when the object waits for nothing more and must go now. */
export function isFinished(object: ApiObject): boolean {
  return object.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).length === 0;
}

/** The error for a patch whose result has unknown fields; upstream answers 422 here and 400 elsewhere. */
export function strictPatchError(resource: ServedResource, name: string, text: string): StatusError {
  const { kind, group } = resource.definition;
  const message = `Invalid value: ${JSON.stringify(text)}: strict decoding error: ${text}`;
  return invalid(kind, group, name, [{ reason: 'FieldValueInvalid', field: 'patch', message }]);
}
