// Path elements: how a field, or an item of a list that is merged, is named (structured-merge-diff fieldpath).
import { canonicalJson } from '@varve/api';
import { isRecord } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import type { FieldPath } from './field-set.ts';

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** Name of an item of a list of type set or map. Keys that the item leaves out have their defaults, if there are any. */
export function itemElement(item: unknown, list: Schema): string {
  if (list.listType !== 'map' || !isRecord(item)) return `v:${canonicalJson(item)}`;
  return `k:${canonicalJson(keysOf(item, list))}`;
}

export function keysOf(item: Record<string, unknown>, list: Schema): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  for (const name of list.listMapKeys ?? []) {
    const value = Object.hasOwn(item, name) ? item[name] : list.items?.properties?.[name]?.default;
    if (value !== undefined) keys[name] = value;
  }
  return keys;
}

/** `.spec.ports[port=80,protocol="TCP"].name`, as conflicts name fields. */
export function pathText(path: FieldPath): string {
  return path.map(elementText).join('');
}

export function elementText(element: string): string {
  const text = element.slice(2);
  switch (element[0]) {
    case 'k': {
      const keys: unknown = JSON.parse(text);
      const pairs = isRecord(keys) ? Object.entries(keys) : [];
      return `[${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${text}]`;
    case 'i':
      return `[${text}]`;
    default:
      return `.${text}`;
  }
}
