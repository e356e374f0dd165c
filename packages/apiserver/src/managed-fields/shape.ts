// How a value is merged, by its schema: as one piece, as a map or structure field by field, or as a list item by item
// (kubernetes.io "Server-Side Apply", merge strategy; kube-openapi pkg/schemaconv).
import { isRecord } from '../object.ts';
import type { Schema } from '../schema/structural.ts';

export type Shape = 'leaf' | 'map' | 'list';

/** Where the schema says nothing, maps are merged and lists are not. */
const untyped: Schema = { preserveUnknownFields: true };

/** Shape of a value; undefined for an absent one or null, which take the shape of what they are compared with. */
export function shapeOf(value: unknown, schema: Schema): Shape | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return schema.listType === 'set' || schema.listType === 'map' ? 'list' : 'leaf';
  return isRecord(value) && schema.mapType !== 'atomic' ? 'map' : 'leaf';
}

/** Empty, null or absent: such values are owned and replaced as one piece, so that none of them is taken for another. */
export function isHollow(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}

/** True when the structure has the field by name; false for keys of a map. */
export function isDeclared(schema: Schema, name: string): boolean {
  return schema.properties !== undefined && Object.hasOwn(schema.properties, name);
}

/** Schema of a field or of a map's value; undefined when the structure has no such field. */
export function fieldSchema(schema: Schema, name: string): Schema | undefined {
  if (isDeclared(schema, name)) return schema.properties?.[name];
  if (schema.additionalProperties !== undefined) return schema.additionalProperties;
  const isUntyped = schema.type === undefined && schema.properties === undefined;
  return schema.preserveUnknownFields === true || isUntyped ? untyped : undefined;
}

export function itemSchema(schema: Schema): Schema {
  return schema.items ?? untyped;
}

export function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function fieldOf(map: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
