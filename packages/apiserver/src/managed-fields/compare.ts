// What differs between two states of an object, as sets of fields (structured-merge-diff typed/compare.go).
import { jsonEqual } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { fieldElement, itemElement } from './elements.ts';
import { type FieldPath, type FieldSet, FieldSetBuilder } from './field-set.ts';
import { asList, asMap, fieldOf, fieldSchema, isHollow, itemSchema, shapeOf } from './shape.ts';

export interface Comparison {
  readonly added: FieldSet;
  /** In both, with different values. */
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

interface Builders {
  readonly added: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly removed: FieldSetBuilder;
}

export function compare(before: unknown, after: unknown, schema: Schema): Comparison {
  const builders = { added: new FieldSetBuilder(), modified: new FieldSetBuilder(), removed: new FieldSetBuilder() };
  visit(before, after, schema, [], builders);
  return { added: builders.added.set, modified: builders.modified.set, removed: builders.removed.set };
}

function visit(before: unknown, after: unknown, schema: Schema, path: FieldPath, out: Builders): void {
  const was = shapeOf(before, schema);
  const is = shapeOf(after, schema);
  if (was !== undefined && is !== undefined && was !== is) {
    visitChildren(before, undefined, was, schema, path, out);
    visitChildren(undefined, after, is, schema, path, out);
    out.modified.add(path);
    return;
  }
  const shape = is ?? was ?? 'leaf';
  const isLeaf = shape === 'leaf' || (isHollow(before) && isHollow(after));
  if (!isLeaf) visitChildren(before, after, shape, schema, path, out);
  if (before === undefined) out.added.add(path);
  else if (after === undefined) out.removed.add(path);
  else if (isLeaf && !jsonEqual(before, after)) out.modified.add(path);
}

function visitChildren(
  before: unknown,
  after: unknown,
  shape: 'leaf' | 'map' | 'list',
  schema: Schema,
  path: FieldPath,
  out: Builders,
): void {
  if (shape === 'map') visitFields(asMap(before), asMap(after), schema, path, out);
  else if (shape === 'list') visitItems(asList(before), asList(after), schema, path, out);
}

function visitFields(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  schema: Schema,
  path: FieldPath,
  out: Builders,
): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const child = fieldSchema(schema, name) ?? {};
    const was = fieldOf(before, name);
    const is = fieldOf(after, name);
    // What both share by reference cannot differ: most of an object, when a patch changed a little of it.
    if (was !== is) visit(was, is, child, [...path, fieldElement(name)], out);
  }
}

function visitItems(
  before: readonly unknown[],
  after: readonly unknown[],
  schema: Schema,
  path: FieldPath,
  out: Builders,
): void {
  const items = new Map<string, { was?: unknown; is?: unknown }>();
  for (const item of before) items.set(itemElement(item, schema), { was: item });
  for (const item of after) {
    const element = itemElement(item, schema);
    items.set(element, { ...items.get(element), is: item });
  }
  for (const [element, { was, is }] of items) visit(was, is, itemSchema(schema), [...path, element], out);
}
