// OpenAPI v3, one document per group version (KEP-2896): what `kubectl explain`, `apply` and `create` read, and the one
// document of v2. They are made when somebody asks for them.
import { createHash } from 'node:crypto';
import { type Document, document, documentOf } from './discovery.ts';
import { patchTypes } from './handlers/patch.ts';
import { lazily } from './lazily.ts';
import type { JsonObject } from './object.ts';
import { openApiV2 } from './openapi-v2.ts';
import { encodeOpenApiV2 } from './protobuf/openapi-v2.ts';
import type { Resources, ServedResource } from './resources.ts';
import { objectMetaSchema } from './schema/object-meta.ts';
import type { Schema } from './schema/structural.ts';

const objectMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const listMetaName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

export interface OpenApi {
  v3(): OpenApiV3;
  /** The whole of it in OpenAPI v2, as JSON and as protobuf. */
  v2(): { readonly json: Document; readonly protobuf: Document };
}

interface OpenApiV3 {
  readonly index: Document;
  /** By path below /openapi/v3/, such as `api/v1`. */
  readonly documents: ReadonlyMap<string, Document & { readonly hash: string }>;
}

export function openApiOf(resources: Resources, version: string): OpenApi {
  const groups = new Map<string, ServedResource[]>();
  for (const resource of resources.all) {
    const { group, version: apiVersion } = resource.definition;
    const path = group === '' ? `api/${apiVersion}` : `apis/${group}/${apiVersion}`;
    groups.set(path, [...(groups.get(path) ?? []), resource]);
  }
  return { v3: lazily(() => versionThree(groups, version)), v2: lazily(() => versionTwo(groups, version)) };
}

function versionThree(groups: ReadonlyMap<string, readonly ServedResource[]>, version: string): OpenApiV3 {
  const documents = new Map<string, Document & { hash: string }>();
  const paths: JsonObject = {};
  for (const [path, members] of groups) {
    const made = document(openApiDocument(path, members, version));
    const hash = createHash('sha512').update(made.text).digest('hex').toUpperCase();
    documents.set(path, { ...made, hash });
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { index: document({ paths }), documents };
}

function versionTwo(
  groups: ReadonlyMap<string, readonly ServedResource[]>,
  version: string,
): ReturnType<OpenApi['v2']> {
  const made = [...groups].map(([path, members]) => openApiDocument(path, members, version));
  const all = openApiV2(made, version);
  return { json: document(all), protobuf: documentOf(encodeOpenApiV2(all)) };
}

function openApiDocument(prefix: string, members: readonly ServedResource[], version: string): JsonObject {
  const paths: JsonObject = {};
  const schemas: JsonObject = {
    [objectMetaName]: openApiSchema(objectMetaSchema, false),
    [listMetaName]: {
      type: 'object',
      properties: {
        resourceVersion: { type: 'string' },
        continue: { type: 'string' },
        remainingItemCount: { type: 'integer' },
      },
    },
  };
  for (const resource of members) {
    const { definition } = resource;
    const base = `/${prefix}/${resource.namespaced ? 'namespaces/{namespace}/' : ''}${definition.plural}`;
    paths[base] = { get: operation(resource, 'list'), post: operation(resource, 'create') };
    paths[`${base}/{name}`] = {
      get: operation(resource, 'get'),
      put: operation(resource, 'update'),
      patch: operation(resource, 'patch'),
      delete: operation(resource, 'delete'),
    };
    if (definition.statusSubresource) {
      paths[`${base}/{name}/status`] = {
        get: operation(resource, 'get'),
        put: operation(resource, 'update'),
        patch: operation(resource, 'patch'),
      };
    }
    schemas[schemaName(resource)] = kindSchema(resource);
    schemas[`${schemaName(resource)}List`] = listSchema(resource);
  }
  return { openapi: '3.0.0', info: { title: 'Varve', version }, paths, components: { schemas } };
}

/** `io.openshift.machineconfiguration.v1.MachineConfig`, `io.k8s.api.core.v1.Node`. */
function schemaName({ definition }: ServedResource): string {
  const { group, version, kind } = definition;
  if (group === '') return `io.k8s.api.core.${version}.${kind}`;
  return `${group.split('.').reverse().join('.')}.${version}.${kind}`;
}

function groupVersionKind({ definition }: ServedResource, suffix = ''): JsonObject {
  return { group: definition.group, version: definition.version, kind: definition.kind + suffix };
}

function operation(resource: ServedResource, action: string): JsonObject {
  const name = schemaName(resource);
  const answer = action === 'list' ? `${name}List` : name;
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${answer}` } } };
  return {
    operationId: `${action}${resource.apiVersion.replaceAll(/[^A-Za-z0-9]/g, '')}${resource.definition.kind}`,
    parameters: parameters(action),
    ...requestBody(resource, action),
    responses: { [action === 'create' ? 201 : 200]: { description: 'OK', content } },
    'x-kubernetes-action': actionNames.get(action) ?? action,
    'x-kubernetes-group-version-kind': groupVersionKind(resource),
  };
}

/** Two actions go by their methods (kube-openapi's extension). */
const actionNames = new Map([
  ['create', 'post'],
  ['update', 'put'],
]);

function parameters(action: string): JsonObject[] {
  const text = (name: string, description: string) => ({ name, in: 'query', description, schema: { type: 'string' } });
  if (action === 'list')
    return [text('labelSelector', 'Labels to select by.'), text('fieldSelector', 'Fields to select by.')];
  if (action === 'get' || action === 'delete') return [];
  const force = 'Applies only: true takes over fields that others manage.';
  return [
    ...(action === 'patch' ? [{ name: 'force', in: 'query', description: force, schema: { type: 'boolean' } }] : []),
    text('dryRun', 'All: nothing is stored.'),
    text('fieldManager', 'Name of the program that writes.'),
    text('fieldValidation', 'Strict, Warn or Ignore: what to do about unknown and duplicate fields.'),
  ];
}

function requestBody(resource: ServedResource, action: string): JsonObject {
  const schema = { $ref: `#/components/schemas/${schemaName(resource)}` };
  if (action === 'create' || action === 'update')
    return { requestBody: { content: { 'application/json': { schema } } } };
  if (action !== 'patch') return {};
  const patchBody = { schema: { type: 'object' } };
  return { requestBody: { content: Object.fromEntries(patchTypes(resource).map((type) => [type, patchBody])) } };
}

function kindSchema(resource: ServedResource): JsonObject {
  const { metadata: _metadata, ...properties } = resource.schema.properties ?? {};
  const schema = openApiSchema({ ...resource.schema, properties }, resource.definition.custom);
  const fields = {
    ...(typeof schema.properties === 'object' ? schema.properties : {}),
    apiVersion: { type: 'string', description: 'Version of the API group and of this form of the object.' },
    kind: { type: 'string', description: 'What the object is.' },
    metadata: reference(objectMetaName, 'Name, labels and other data that every object has.'),
  };
  const required = (resource.schema.required ?? []).filter((field) => field !== 'apiVersion' && field !== 'kind');
  const { required: _required, ...rest } = schema;
  return {
    ...rest,
    ...(required.length === 0 ? {} : { required }),
    properties: fields,
    'x-kubernetes-group-version-kind': [groupVersionKind(resource)],
  };
}

function listSchema(resource: ServedResource): JsonObject {
  return {
    type: 'object',
    description: `A list of ${resource.definition.kind} objects.`,
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: reference(listMetaName, 'Resource version and continuation of the list.'),
      items: {
        type: 'array',
        items: { allOf: [{ $ref: `#/components/schemas/${schemaName(resource)}` }], default: {} },
      },
    },
    'x-kubernetes-group-version-kind': [groupVersionKind(resource, 'List')],
  };
}

function reference(name: string, description: string): JsonObject {
  return { allOf: [{ $ref: `#/components/schemas/${name}` }], default: {}, description };
}

function openApiSchema(schema: Schema, custom: boolean): JsonObject {
  const { properties, items, additionalProperties } = schema;
  const open = schema.preserveUnknownFields === true;
  const fields: JsonObject = {
    type: schema.intOrString === true ? undefined : (schema.type ?? (open ? 'object' : undefined)),
    description: schema.description,
    format: schema.format,
    enum: schema.enum,
    default: schema.default,
    nullable: schema.nullable,
    pattern: schema.pattern,
    minimum: schema.minimum,
    maximum: schema.maximum,
    minLength: schema.minLength,
    maxLength: schema.maxLength,
    minItems: schema.minItems,
    maxItems: schema.maxItems,
    required: schema.required,
    anyOf: schema.intOrString === true ? [{ type: 'integer' }, { type: 'string' }] : undefined,
    properties: properties === undefined ? undefined : mapSchemas(properties, custom),
    items: items === undefined ? undefined : openApiSchema(items, custom),
    additionalProperties: additionalProperties === undefined ? undefined : openApiSchema(additionalProperties, custom),
    ...extensions(schema),
    ...(custom ? {} : patchExtensions(schema)),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function extensions(schema: Schema): JsonObject {
  return {
    'x-kubernetes-int-or-string': schema.intOrString,
    'x-kubernetes-preserve-unknown-fields': schema.preserveUnknownFields,
    'x-kubernetes-list-type': schema.listType,
    'x-kubernetes-list-map-keys': schema.listMapKeys,
    'x-kubernetes-map-type': schema.mapType,
    'x-kubernetes-validations': schema.validations,
  };
}

/** Custom kinds have no strategic merge patch. */
function patchExtensions(schema: Schema): JsonObject {
  return {
    'x-kubernetes-patch-strategy': schema.patchStrategy,
    'x-kubernetes-patch-merge-key': schema.patchMergeKey,
  };
}

function mapSchemas(properties: Readonly<Record<string, Schema>>, custom: boolean): JsonObject {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, openApiSchema(schema, custom)]));
}
