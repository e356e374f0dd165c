// What Secret and ConfigMap have in common: named values with a bound on names and size
// (kubernetes/pkg/apis/core/validation, ValidateConfigMap and ValidateSecret).
import type { FieldError } from '../resource.ts';

const maxDataBytes = 1_048_576;
const keyPattern = /^[-._a-zA-Z0-9]+$/;
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

interface Immutable {
  immutable?: boolean | undefined;
}

export function validateKeys(field: string, keys: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of keys) {
    if (key.length <= 253 && keyPattern.test(key) && key !== '.' && !key.startsWith('..')) continue;
    const allowed =
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    errors.push({
      reason: 'FieldValueInvalid',
      field: `${field}[${key}]`,
      message: `Invalid value: ${JSON.stringify(key)}: ${allowed}`,
    });
  }
  return errors;
}

/** Values must be base64 with padding, as Go's decoder reads it. */
export function validateBase64(field: string, values: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (base64Pattern.test(value)) continue;
    errors.push({
      reason: 'FieldValueInvalid',
      field: `${field}.${key}`,
      message: 'Invalid value: must be base64 as RFC 4648 section 4 defines it',
    });
  }
  return errors;
}

/** `sizes` are the sizes of the decoded values in bytes. */
export function validateDataSize(field: string, sizes: readonly number[]): FieldError[] {
  let total = 0;
  for (const size of sizes) total += size;
  if (total <= maxDataBytes) return [];
  return [{ reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${maxDataBytes} bytes` }];
}

/** An immutable object keeps its data and stays immutable until it is deleted. */
export function validateImmutable<T extends Immutable>(
  object: T,
  old: T | undefined,
  fields: readonly (keyof T & string)[],
) {
  const errors: FieldError[] = [];
  if (old?.immutable !== true) return errors;
  const forbid = (field: string) =>
    errors.push({
      reason: 'FieldValueForbidden',
      field,
      message: 'Forbidden: field is immutable when `immutable` is set',
    });
  if (object.immutable !== true) forbid('immutable');
  for (const field of fields) {
    if (sortedJson(object[field]) !== sortedJson(old[field])) forbid(field);
  }
  return errors;
}

function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '{}';
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
