// The fields that a configuration names, and which therefore belong to the one who applies it
// (structured-merge-diff typed/tofieldset.go; fieldpath/set.go EnsureNamedFieldsAreMembers).
import { isRecord } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { fieldElement, itemElement } from './elements.ts';
import { asMember, type FieldPath, type FieldSet, FieldSetBuilder } from './field-set.ts';
import { asList, asMap, fieldSchema, isDeclared, itemSchema, shapeOf } from './shape.ts';

/** Leaves, items of lists, keys of maps and values that are empty; structures only by what is in them. */
export function fieldsOf(value: unknown, schema: Schema): FieldSet {
  const builder = new FieldSetBuilder();
  collect(value, schema, [], builder);
  return builder.set;
}

function collect(value: unknown, schema: Schema, path: FieldPath, out: FieldSetBuilder): void {
  switch (shapeOf(value, schema)) {
    case 'map':
      for (const [name, child] of Object.entries(asMap(value))) {
        const element = [...path, fieldElement(name)];
        collect(child, fieldSchema(schema, name) ?? {}, element, out);
        if (!isDeclared(schema, name) || isEmptyField(child)) out.add(element);
      }
      break;
    case 'list':
      for (const item of asList(value)) {
        const element = [...path, itemElement(item, schema)];
        collect(item, itemSchema(schema), element, out);
        out.add(element);
      }
      break;
    case 'leaf':
      out.add(path);
      break;
    default:
  }
}

/** An empty list of a merged kind names nothing; null and an empty map name themselves. */
function isEmptyField(value: unknown): boolean {
  return value === null || (isRecord(value) && Object.keys(value).length === 0);
}

/** The set with every structure that has members in it as a member itself. */
export function withStructures(set: FieldSet, schema: Schema): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, node] of Object.entries(set)) {
    if (element === '.') {
      result[element] = node;
      continue;
    }
    const isField = element.startsWith('f:');
    const name = element.slice(2);
    const child = isField ? (fieldSchema(schema, name) ?? {}) : itemSchema(schema);
    const inner = withStructures(node, child);
    result[element] = isField && isDeclared(schema, name) ? asMember(inner) : inner;
  }
  return result;
}
