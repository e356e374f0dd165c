// Empty lists and maps of metadata and of Kubernetes' own kinds are not stored, just as those that are absent
// (`omitempty` in k8s.io/api). Custom kinds keep them.
import { isRecord } from '../object.ts';
import type { Schema } from './structural.ts';

/** Removes empty lists and maps below `value` in place; structures stay. */
export function dropEmpty(value: object, schema: Schema): void {
  for (const [name, child] of Object.entries(value)) {
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, name);
    const field = known ? schema.properties?.[name] : schema.additionalProperties;
    if (field === undefined) continue;
    if (Array.isArray(child)) {
      for (const item of child) if (isRecord(item) && field.items !== undefined) dropEmpty(item, field.items);
    } else if (isRecord(child)) dropEmpty(child, field);
    if (isEmptyList(child) || (isMap(field) && isRecord(child) && Object.keys(child).length === 0)) {
      Reflect.deleteProperty(value, name);
    }
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isMap(schema: Schema): boolean {
  return schema.additionalProperties !== undefined;
}
