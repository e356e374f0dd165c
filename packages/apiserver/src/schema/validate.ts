// Validation against a structural schema, with the causes and wordings that kubectl users know
// (apiextensions-apiserver pkg/apiserver/validation).
import { isRecord, jsonEqual } from '../object.ts';
import type { StatusCause } from '../status.ts';
import type { Schema } from './structural.ts';

/** More causes than this help nobody and fill the answer. */
const maxCauses = 100;
const timePattern = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Every violation, up to a bound. Parts that are the same in `old` are not looked at: an object that was stored under
 * older rules can still be changed elsewhere (KEP-4008, ratcheting).
 */
export function validateSchema(value: unknown, schema: Schema, path: string, old?: unknown): StatusCause[] {
  const causes: StatusCause[] = [];
  check(value, schema, path, causes, old);
  return causes;
}

function check(value: unknown, schema: Schema, path: string, causes: StatusCause[], old: unknown): void {
  if (causes.length >= maxCauses || (old !== undefined && jsonEqual(value, old))) return;
  if (value === null && schema.nullable === true) return;
  if (schema.intOrString === true) {
    checkIntOrString(value, schema, path, causes);
    return;
  }
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    const shown = JSON.stringify(typeName(value));
    const message = `Invalid value: ${shown}: ${path} in body must be of type ${schema.type}: ${shown}`;
    causes.push({ reason: 'FieldValueTypeInvalid', field: path, message });
    return;
  }
  if (schema.enum !== undefined && !schema.enum.some((allowed) => jsonEqual(allowed, value))) {
    const supported = schema.enum.map((allowed) => JSON.stringify(allowed)).join(', ');
    const message = `Unsupported value: ${shownValue(value)}: supported values: ${supported}`;
    causes.push({ reason: 'FieldValueNotSupported', field: path, message });
  }
  if (typeof value === 'string') checkString(value, schema, path, causes);
  else if (typeof value === 'number') checkNumber(value, schema, path, causes);
  else if (Array.isArray(value)) checkArray(value, schema, path, causes, old);
  else if (isRecord(value)) checkObject(value, schema, path, causes, old);
}

function checkIntOrString(value: unknown, schema: Schema, path: string, causes: StatusCause[]): void {
  if (typeof value === 'number' && Number.isFinite(value)) checkNumber(value, schema, path, causes);
  else if (typeof value === 'string') checkString(value, schema, path, causes);
  else {
    const shown = JSON.stringify(typeName(value));
    const message = `Invalid value: ${shown}: ${path} in body must be of type integer or string: ${shown}`;
    causes.push({ reason: 'FieldValueTypeInvalid', field: path, message });
  }
}

function checkString(value: string, schema: Schema, path: string, causes: StatusCause[]): void {
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    const message = `Too long: may not be more than ${schema.maxLength} bytes`;
    causes.push({ reason: 'FieldValueTooLong', field: path, message });
  }
  const fail = (rule: string) => causes.push(invalidCause(path, value, `${path} in body ${rule}`));
  if (schema.minLength !== undefined && length < schema.minLength) {
    fail(`should be at least ${schema.minLength} chars long`);
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    fail(`should match '${schema.pattern}'`);
  }
  if (schema.format === 'date-time' && (!timePattern.test(value) || Number.isNaN(Date.parse(value)))) {
    fail('must be of type date-time');
  }
}

function checkNumber(value: number, schema: Schema, path: string, causes: StatusCause[]): void {
  if (schema.minimum !== undefined && value < schema.minimum) {
    causes.push(invalidCause(path, value, `${path} in body should be greater than or equal to ${schema.minimum}`));
  }
  if (schema.maximum !== undefined && value > schema.maximum) {
    causes.push(invalidCause(path, value, `${path} in body should be less than or equal to ${schema.maximum}`));
  }
}

function checkArray(
  value: readonly unknown[],
  schema: Schema,
  path: string,
  causes: StatusCause[],
  old: unknown,
): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    const message = `Too many: ${value.length}: must have at most ${schema.maxItems} items`;
    causes.push({ reason: 'FieldValueTooMany', field: path, message });
    return;
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    causes.push(invalidCause(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  }
  if (schema.items !== undefined) {
    const before = itemsByKey(old, schema);
    for (const [index, item] of value.entries()) {
      check(item, schema.items, `${path}[${index}]`, causes, before?.get(idOf(item, schema)));
    }
  }
  checkDuplicates(value, schema, path, causes);
}

function checkDuplicates(value: readonly unknown[], schema: Schema, path: string, causes: StatusCause[]): void {
  if (schema.listType !== 'set' && schema.listType !== 'map') return;
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const id = idOf(item, schema);
    if (seen.has(id)) {
      causes.push({ reason: 'FieldValueDuplicate', field: `${path}[${index}]`, message: `Duplicate value: ${id}` });
    }
    seen.add(id);
  }
}

function idOf(item: unknown, schema: Schema): string {
  return JSON.stringify(schema.listType === 'set' ? item : keysOf(item, schema.listMapKeys ?? [])) ?? '';
}

/** Only items with keys can be found again; the items of other lists are all new when the list has changed. */
function itemsByKey(old: unknown, schema: Schema): Map<string, unknown> | undefined {
  if (schema.listType !== 'map' || !Array.isArray(old)) return undefined;
  return new Map(old.map((item) => [idOf(item, schema), item]));
}

function keysOf(item: unknown, keys: readonly string[]): Record<string, unknown> {
  const identity: Record<string, unknown> = {};
  if (isRecord(item)) for (const key of keys) identity[key] = item[key];
  return identity;
}

function checkObject(
  value: Record<string, unknown>,
  schema: Schema,
  path: string,
  causes: StatusCause[],
  old: unknown,
): void {
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key)) {
      causes.push({ reason: 'FieldValueRequired', field: join(path, key), message: 'Required value' });
    }
  }
  const known = schema.properties ?? {};
  for (const [key, child] of Object.entries(value)) {
    const property = Object.hasOwn(known, key) ? known[key] : schema.additionalProperties;
    if (property === undefined) continue;
    const before = isRecord(old) && Object.hasOwn(old, key) ? old[key] : undefined;
    check(child, property, join(path, key), causes, before);
  }
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function invalidCause(field: string, value: unknown, rule: string): StatusCause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${shownValue(value)}: ${rule}` };
}

/** Long values are cut: the field's path tells which one it is. */
function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Whether a value is of a schema's type; of an integer, whether it is one that JSON carries exactly. */
export function hasType(value: unknown, type: NonNullable<Schema['type']>): boolean {
  switch (type) {
    case 'object':
      return isRecord(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return typeof value === 'number';
    default:
      return typeof value === type;
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
