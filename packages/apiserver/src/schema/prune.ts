// Pruning: fields that the schema does not know are removed, and reported by path
// (kubernetes.io CustomResourceDefinitions, "Field pruning").
import { isRecord } from '../object.ts';
import type { Schema } from './structural.ts';

/** Removes unknown fields of `value` in place and adds their paths to `unknown`. */
export function prune(value: unknown, schema: Schema, path: string, unknown: string[]): void {
  if (schema.preserveUnknownFields === true) return;
  if (Array.isArray(value)) {
    if (schema.items === undefined) return;
    for (const [index, item] of value.entries()) prune(item, schema.items, `${path}[${index}]`, unknown);
    return;
  }
  if (!isRecord(value)) return;
  const known = schema.properties ?? {};
  for (const [key, child] of Object.entries(value)) {
    const childPath = path === '' ? key : `${path}.${key}`;
    const childSchema = Object.hasOwn(known, key) ? known[key] : schema.additionalProperties;
    if (childSchema === undefined) {
      if (schema.type !== 'object') continue;
      delete value[key];
      unknown.push(childPath);
    } else {
      prune(child, childSchema, childPath, unknown);
    }
  }
}
