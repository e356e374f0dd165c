// From what a client sent to what is stored: type and field checks, defaults, validation. Pure.
import { canonicalJson, type ResourceDefinition, valueAt } from '@varve/api';
import type { ObjectBody } from './http/body.ts';
import { type ApiObject, copyRecord, isRecord, type JsonObject } from './object.ts';
import type { FieldValidation } from './query.ts';
import type { ServedResource } from './resources.ts';
import { decodeProblem } from './schema/decode.ts';
import { applyDefaults } from './schema/defaults.ts';
import { dropEmpty } from './schema/drop-empty.ts';
import { validateMetadata } from './schema/metadata.ts';
import { objectMetaSchema } from './schema/object-meta.ts';
import { prune } from './schema/prune.ts';
import { validateSchema } from './schema/validate.ts';
import { badRequest, invalid, type StatusCause } from './status.ts';

/** Left out of what a client sends: managed fields are read apart from the object. */
const leftOut = ['managedFields', 'selfLink'] as const;

/** Checks kind and version of a body and gives it a metadata object. Throws 400. */
export function identify(body: JsonObject, resource: ServedResource): JsonObject {
  const { definition, apiVersion } = resource;
  const sentVersion = body.apiVersion ?? '';
  const sentKind = body.kind ?? '';
  if (definition.custom && sentKind === '') throw badRequest("Object 'Kind' is missing in the body of the request");
  if (sentVersion !== apiVersion && (definition.custom || sentVersion !== '')) {
    throw badRequest(
      `the API version in the data (${String(sentVersion)}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (sentKind !== definition.kind && sentKind !== '') {
    if (definition.custom) {
      const message = `Invalid value: ${JSON.stringify(sentKind)}: must be ${definition.kind}`;
      throw invalid(String(sentKind), definition.group, nameOf(body), [
        { reason: 'FieldValueInvalid', field: 'kind', message },
      ]);
    }
    throw badRequest(`${String(sentKind)} in version "${apiVersion}" cannot be handled as a ${definition.kind}`);
  }
  const metadata = body.metadata ?? {};
  if (!isRecord(metadata)) throw badRequest(`${definition.kind} cannot be read: metadata is not an object`);
  return { ...body, apiVersion, kind: definition.kind, metadata };
}

function nameOf(body: JsonObject): string {
  const name = valueAt(body, 'metadata', 'name');
  return typeof name === 'string' ? name : '';
}

/** What the body of a create or update says of an object of the kind. Throws 400; unknown fields may be warnings. */
export function decode(
  body: ObjectBody,
  resource: ServedResource,
  validation: FieldValidation,
  warnings: string[],
): JsonObject {
  const { kind, version, custom } = resource.definition;
  const refused = (why: string) => badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
  const sent = identify(body.value, resource);
  const problem = custom ? undefined : decodeProblem(sent, resource.wholeSchema, kind);
  if (problem !== undefined) throw refused(problem);
  const { object, unknown } = pruned(sent, resource);
  reportFieldProblems(fieldProblems(unknown, body.duplicates), validation, warnings, (text) =>
    refused(`strict decoding error: ${text}`),
  );
  return object;
}

/** A copy without unknown fields, and the problems that fieldValidation is about. */
export function pruned(body: JsonObject, resource: ServedResource): { object: JsonObject; unknown: string[] } {
  const copy = copyRecord(body);
  const object = resource.strategy.fold?.(copy) ?? copy;
  const unknown: string[] = [];
  prune(object, resource.schema, '', unknown);
  prune(object.metadata, objectMetaSchema, 'metadata', unknown);
  return { object, unknown };
}

/** What is wrong with the fields, in Kubernetes' words. */
export function fieldProblems(unknown: readonly string[], duplicates: readonly string[]): string[] {
  return [
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
  ];
}

/** Throws in Strict mode, adds warnings in Warn mode. */
export function reportFieldProblems(
  problems: readonly string[],
  validation: FieldValidation,
  warnings: string[],
  strictError: (text: string) => Error,
): void {
  if (problems.length === 0 || validation === 'Ignore') return;
  if (validation === 'Strict') throw strictError(problems.join(', '));
  warnings.push(...problems.slice(0, 50));
}

/**
 * Makes what a client sent, of which `pruned` made a copy, an object of the kind: metadata has the right types, and
 * defaults are filled in. Throws 422 for metadata of the wrong type.
 */
export function toApiObject(body: JsonObject, resource: ServedResource): ApiObject {
  const { metadata, apiVersion, kind, ...fields } = body;
  const meta = isRecord(metadata) ? { ...metadata } : {};
  applyDefaults(meta, objectMetaSchema);
  const causes = validateSchema(meta, objectMetaSchema, 'metadata');
  if (causes.length > 0) throw invalid(resource.definition.kind, resource.definition.group, nameOf(body), causes);
  for (const field of leftOut) delete meta[field];
  const object: ApiObject = {
    apiVersion: typeof apiVersion === 'string' ? apiVersion : resource.apiVersion,
    kind: typeof kind === 'string' ? kind : resource.definition.kind,
    metadata: withoutNulls(meta),
    ...fields,
  };
  applyDefaults(object, resource.schema);
  dropEmpty(object.metadata, objectMetaSchema);
  if (!resource.definition.custom) dropEmpty(object, resource.schema);
  return resource.strategy.fill?.(object) ?? object;
}

/** The managed fields that a client sent; undefined when it sent none. */
export function sentManagedFields(body: JsonObject): unknown {
  return valueAt(body, 'metadata', 'managedFields') ?? undefined;
}

function withoutNulls(meta: JsonObject): ApiObject['metadata'] {
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== null));
}

/** What the kind's own rules say, but for what they would say of the old object as it is. */
function newProblems(object: ApiObject, old: ApiObject | undefined, definition: ResourceDefinition): StatusCause[] {
  const problems = definition.validate?.(object, old) ?? [];
  if (problems.length === 0 || old === undefined) return problems;
  const known = (definition.validate?.(old, old) ?? []).map((problem) => canonicalJson(problem));
  return problems.filter((problem) => !known.includes(canonicalJson(problem)));
}

/** Defaults and all rules of the kind. Returns the object to store; throws 422. */
export function complete(object: ApiObject, old: ApiObject | undefined, resource: ServedResource): ApiObject {
  const { definition, schema, strategy } = resource;
  const { apiVersion, kind, metadata, ...fields } = object;
  // Defaults are filled in below these fields, which may be those of the stored object; metadata is only read.
  const draft: ApiObject = { apiVersion, kind, metadata, ...copyRecord(fields) };
  applyDefaults(draft, schema);
  const causes: StatusCause[] = [
    ...validateMetadata(draft.metadata, { custom: definition.custom, nameRule: strategy.nameRule }),
    ...validateSchema(draft, schema, '', old),
  ];
  // The kind's own rules read fields by their types, so they run only on objects of the right shape.
  if (causes.length === 0) causes.push(...newProblems(draft, old, definition));
  if (causes.length > 0) throw invalid(definition.kind, definition.group, draft.metadata.name ?? '', causes);
  return draft;
}
