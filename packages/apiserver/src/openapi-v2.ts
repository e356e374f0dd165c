// OpenAPI v2, one document for all groups, made from those of v3: what kubectl before 1.29 and a few of its newer
// commands read (swagger.io/specification/v2, with Kubernetes' extensions).
import { isRecord, type JsonObject } from './object.ts';

const oldReference = '#/components/schemas/';
const newReference = '#/definitions/';

export function openApiV2(documents: Iterable<JsonObject>, version: string): JsonObject {
  const paths: JsonObject = {};
  const definitions: JsonObject = {};
  for (const { paths: found, components } of documents) {
    for (const [path, item] of entries(found)) paths[path] = mapped(item, operation);
    const schemas = isRecord(components) ? components.schemas : undefined;
    for (const [name, schema] of entries(schemas)) definitions[name] = schemaV2(schema);
  }
  return { swagger: '2.0', info: { title: 'Varve', version }, paths, definitions };
}

function entries(value: unknown): [string, JsonObject][] {
  if (!isRecord(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, JsonObject] => isRecord(entry[1]));
}

function mapped(value: unknown, convert: (item: JsonObject) => JsonObject): JsonObject {
  return Object.fromEntries(entries(value).map(([name, item]) => [name, convert(item)]));
}

function operation({ parameters, requestBody, responses, ...rest }: JsonObject): JsonObject {
  const query = Array.isArray(parameters) ? parameters.filter(isRecord).map(parameter) : [];
  const content = isRecord(requestBody) ? entries(requestBody.content) : [];
  const [first] = content;
  const body =
    first === undefined
      ? []
      : [{ name: 'body', in: 'body', required: true, schema: schemaV2(asRecord(first[1].schema)) }];
  return {
    ...rest,
    ...(content.length === 0 ? {} : { consumes: content.map(([type]) => type) }),
    produces: ['application/json', 'application/yaml'],
    parameters: [...body, ...query],
    responses: mapped(responses, response),
  };
}

function parameter({ schema, ...rest }: JsonObject): JsonObject {
  return { ...rest, type: asRecord(schema).type ?? 'string', uniqueItems: true };
}

function response({ content, ...rest }: JsonObject): JsonObject {
  const [first] = entries(content);
  return first === undefined ? rest : { ...rest, schema: schemaV2(asRecord(first[1].schema)) };
}

/** A reference stands alone in v2, but for its description; null and alternatives cannot be said. */
function schemaV2(schema: JsonObject): JsonObject {
  const { allOf, anyOf: _a, $ref, nullable: _n, properties, items, additionalProperties, ...rest } = schema;
  const [only] = Array.isArray(allOf) ? allOf.filter(isRecord) : [];
  const reference = $ref ?? only?.$ref;
  if (typeof reference === 'string') {
    const target = reference.replace(oldReference, newReference);
    return rest.description === undefined ? { $ref: target } : { $ref: target, description: rest.description };
  }
  return {
    ...rest,
    ...(rest['x-kubernetes-int-or-string'] === true ? { type: 'string', format: 'int-or-string' } : {}),
    ...(properties === undefined ? {} : { properties: mapped(properties, schemaV2) }),
    ...(isRecord(items) ? { items: schemaV2(items) } : {}),
    ...(isRecord(additionalProperties) ? { additionalProperties: schemaV2(additionalProperties) } : {}),
  };
}

function asRecord(value: unknown): JsonObject {
  return isRecord(value) ? value : {};
}
