// Whether a body of a built-in kind has the types of its kind. Upstream decodes these kinds into Go types before anything
// else, so what does not fit is a bad request (400) and not an invalid object (422); the words are those of Go's decoders.
import { isRecord, type JsonObject } from '../object.ts';
import type { Schema } from './structural.ts';
import { hasType } from './validate.ts';

const timeLayout = '2006-01-02T15:04:05Z07:00';
const microTimeLayout = '2006-01-02T15:04:05.000000Z07:00';
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;
const microTimePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}(Z|[+-]\d{2}:\d{2})$/;

/** The first value that does not fit, in words; null fits everything. `path` begins with the kind. */
export function decodeProblem(value: unknown, schema: Schema, path: string): string | undefined {
  if (value === null || value === undefined || schema.intOrString === true) return undefined;
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    const type = goTypes[schema.type];
    return `json: cannot unmarshal ${jsonType(value)} into Go struct field ${path} of type ${type}`;
  }
  if (typeof value === 'string') return textProblem(value, schema);
  if (Array.isArray(value)) return itemProblem(value, schema.items, path);
  return isRecord(value) ? fieldProblem(value, schema, path) : undefined;
}

function fieldProblem(value: JsonObject, schema: Schema, path: string): string | undefined {
  const { properties = {}, additionalProperties } = schema;
  for (const [key, child] of Object.entries(value)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    const property = known ?? additionalProperties;
    // Go names fields, and no keys of maps.
    const problem = property && decodeProblem(child, property, known === undefined ? path : `${path}.${key}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const goTypes = {
  string: 'string',
  boolean: 'bool',
  integer: 'int32',
  number: 'float64',
  array: 'array',
  object: 'struct',
} as const;

function itemProblem(items: readonly unknown[], schema: Schema | undefined, path: string): string | undefined {
  if (schema === undefined) return undefined;
  for (const item of items) {
    const problem = decodeProblem(item, schema, path);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function textProblem(value: string, schema: Schema): string | undefined {
  if (schema.format === 'byte') return base64Problem(value);
  if (schema.format !== 'date-time') return undefined;
  const [pattern, layout] = schema.microTime === true ? [microTimePattern, microTimeLayout] : [timePattern, timeLayout];
  if (pattern.test(value) && !Number.isNaN(Date.parse(value))) return undefined;
  return `parsing time ${JSON.stringify(value.slice(0, 100))} as ${JSON.stringify(layout)}: it has another form`;
}

/** RFC 4648 section 4 with padding; line ends are skipped, as Go does. */
function base64Problem(value: string): string | undefined {
  const text = value.replaceAll(/[\r\n]/g, '');
  const good = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(text)?.[0].length ?? 0;
  if (good === text.length) return undefined;
  const bad = text.slice(good).search(/[^A-Za-z0-9+/]/);
  return `illegal base64 data at input byte ${bad === -1 ? text.length : good + bad}`;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
