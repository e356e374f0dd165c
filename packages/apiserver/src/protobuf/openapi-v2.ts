// The protobuf form of an OpenAPI v2 document, which is the only one that kubectl takes. One function per message;
// field numbers are those of google/gnostic-models openapiv2/OpenAPIv2.proto.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isRecord, type JsonObject } from '../object.ts';

type Write = (writer: BinaryWriter, value: JsonObject) => void;

export function encodeOpenApiV2(document: JsonObject): Uint8Array {
  const writer = new BinaryWriter();
  text(writer, 1, document.swagger);
  message(writer, 2, document.info, (info, { title, version }) => {
    text(info, 1, title);
    text(info, 2, version);
  });
  message(writer, 8, document.paths, (paths, items) => named(paths, 2, items, pathItem));
  message(writer, 9, document.definitions, (definitions, schemas) => named(definitions, 1, schemas, schema));
  return writer.finish();
}

const methods = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const;

function pathItem(writer: BinaryWriter, item: JsonObject): void {
  for (const [method, number] of Object.entries(methods)) message(writer, number, item[method], operation);
}

function operation(writer: BinaryWriter, value: JsonObject): void {
  text(writer, 5, value.operationId);
  texts(writer, 6, value.produces);
  texts(writer, 7, value.consumes);
  for (const item of listOf(value.parameters)) {
    // ParametersItem.parameter
    message(writer, 8, item, (outer) => message(outer, 1, item, parameter));
  }
  message(writer, 9, value.responses, (responses, codes) => named(responses, 1, codes, response));
  extensions(writer, 13, value);
}

/** Either the body or, in one more message, a parameter of the query. */
function parameter(writer: BinaryWriter, value: JsonObject): void {
  if (value.in === 'body') {
    message(writer, 1, value, (body) => {
      text(body, 2, value.name);
      text(body, 3, value.in);
      flag(body, 4, value.required);
      message(body, 5, value.schema, schema);
    });
    return;
  }
  message(writer, 2, value, (other) =>
    message(other, 3, value, (query) => {
      text(query, 2, value.in);
      text(query, 3, value.description);
      text(query, 4, value.name);
      text(query, 6, value.type);
      flag(query, 20, value.uniqueItems);
    }),
  );
}

/** ResponseValue.response; its schema is a SchemaItem. */
function response(writer: BinaryWriter, value: JsonObject): void {
  message(writer, 1, value, (inner) => {
    text(inner, 1, value.description);
    message(inner, 2, value.schema, (item, content) => message(item, 1, content, schema));
  });
}

function schema(writer: BinaryWriter, value: JsonObject): void {
  text(writer, 1, value.$ref);
  text(writer, 2, value.format);
  text(writer, 4, value.description);
  if (value.default !== undefined) any(writer, 5, value.default);
  number(writer, 7, value.maximum);
  number(writer, 9, value.minimum);
  count(writer, 11, value.maxLength);
  count(writer, 12, value.minLength);
  text(writer, 13, value.pattern);
  count(writer, 14, value.maxItems);
  count(writer, 15, value.minItems);
  texts(writer, 19, value.required);
  for (const allowed of listOf(value.enum)) any(writer, 20, allowed);
  message(writer, 21, value.additionalProperties, (item, values) => message(item, 1, values, schema));
  if (typeof value.type === 'string') message(writer, 22, value, (item) => text(item, 1, value.type));
  message(writer, 23, value.items, (item, content) => message(item, 1, content, schema));
  message(writer, 25, value.properties, (properties, fields) => named(properties, 1, fields, schema));
  extensions(writer, 31, value);
}

/** Fields whose names begin with `x-`. */
function extensions(writer: BinaryWriter, fieldNumber: number, value: JsonObject): void {
  for (const [name, content] of Object.entries(value)) {
    if (!name.startsWith('x-')) continue;
    message(writer, fieldNumber, value, (entry) => {
      text(entry, 1, name);
      any(entry, 2, content);
    });
  }
}

/** A map: one message of name and value per entry. */
function named(writer: BinaryWriter, fieldNumber: number, values: JsonObject, write: Write): void {
  for (const [name, value] of Object.entries(values)) {
    message(writer, fieldNumber, values, (entry) => {
      text(entry, 1, name);
      message(entry, 2, value, write);
    });
  }
}

/** Nothing when the value is no object. */
function message(writer: BinaryWriter, fieldNumber: number, value: unknown, write: Write): void {
  if (!isRecord(value)) return;
  writer.tag(fieldNumber, WireType.LengthDelimited).fork();
  write(writer, value);
  writer.join();
}

/** A value of any kind is sent as YAML, of which JSON is a part. */
function any(writer: BinaryWriter, fieldNumber: number, value: unknown): void {
  message(writer, fieldNumber, {}, (inner) => text(inner, 2, JSON.stringify(value)));
}

function text(writer: BinaryWriter, fieldNumber: number, value: unknown): void {
  if (typeof value === 'string') writer.tag(fieldNumber, WireType.LengthDelimited).string(value);
}

function texts(writer: BinaryWriter, fieldNumber: number, value: unknown): void {
  for (const item of listOf(value)) text(writer, fieldNumber, item);
}

function flag(writer: BinaryWriter, fieldNumber: number, value: unknown): void {
  if (value === true) writer.tag(fieldNumber, WireType.Varint).bool(true);
}

function count(writer: BinaryWriter, fieldNumber: number, value: unknown): void {
  if (typeof value === 'number') writer.tag(fieldNumber, WireType.Varint).int64(value);
}

function number(writer: BinaryWriter, fieldNumber: number, value: unknown): void {
  if (typeof value === 'number') writer.tag(fieldNumber, WireType.Bit64).double(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
