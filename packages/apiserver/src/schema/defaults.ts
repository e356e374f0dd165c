// Defaulting: absent fields with a default get it; so does an explicit null where null is not allowed
// (kubernetes.io CustomResourceDefinitions, "Defaulting and Nullable").
import { isRecord } from '../object.ts';
import type { Schema } from './structural.ts';

/** Fills defaults into `value` in place and drops nulls of fields that cannot be null. */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const absent = !Object.hasOwn(value, key);
    if (absent || (value[key] === null && property.nullable !== true)) {
      if (property.default !== undefined) value[key] = structuredClone(property.default);
      else if (!absent) delete value[key];
    }
    if (Object.hasOwn(value, key)) applyDefaults(value[key], property);
  }
  if (schema.additionalProperties !== undefined) {
    for (const [key, child] of Object.entries(value)) {
      if (!Object.hasOwn(schema.properties ?? {}, key)) applyDefaults(child, schema.additionalProperties);
    }
  }
}
