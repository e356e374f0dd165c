// A value without some of its fields (structured-merge-diff typed/remove.go).
import type { JsonObject } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { fieldElement, itemElement } from './elements.ts';
import { below, type FieldSet, hasElement, isEmptySet } from './field-set.ts';
import { asList, asMap, fieldSchema, itemSchema, shapeOf } from './shape.ts';

/**
 * Members go with all that is below them. A map that loses everything stays, empty; a list goes, since nobody can own
 * an empty one. undefined for such a list.
 */
export function remove(value: unknown, fields: FieldSet, schema: Schema): unknown {
  if (isEmptySet(fields)) return value;
  const shape = shapeOf(value, schema);
  if (shape === 'map') return removeFields(asMap(value), fields, schema);
  return shape === 'list' ? removeItems(asList(value), fields, schema) : value;
}

function removeFields(value: Readonly<Record<string, unknown>>, fields: FieldSet, schema: Schema): JsonObject {
  const kept: JsonObject = {};
  for (const [name, child] of Object.entries(value)) {
    const element = fieldElement(name);
    if (hasElement(fields, element)) continue;
    const rest = remove(child, below(fields, element), fieldSchema(schema, name) ?? {});
    if (rest !== undefined) kept[name] = rest;
  }
  return kept;
}

function removeItems(items: readonly unknown[], fields: FieldSet, schema: Schema): unknown[] | undefined {
  const kept: unknown[] = [];
  for (const item of items) {
    const element = itemElement(item, schema);
    if (hasElement(fields, element)) continue;
    kept.push(remove(item, below(fields, element), itemSchema(schema)));
  }
  return kept.length === 0 && items.length > 0 ? undefined : kept;
}
