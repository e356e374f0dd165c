// The live object with a configuration laid over it (structured-merge-diff typed/merge.go). Neither is changed; the
// result shares their parts.
import type { Schema } from '../schema/structural.ts';
import { itemElement } from './elements.ts';
import { asList, asMap, fieldOf, fieldSchema, isHollow, itemSchema, shapeOf } from './shape.ts';

/** undefined when nothing is left of either. */
export function merge(live: unknown, config: unknown, schema: Schema): unknown {
  if (config === undefined) return live;
  if (live === undefined) return config;
  const was = shapeOf(live, schema);
  const shape = shapeOf(config, schema) ?? was;
  if (shape === undefined || shape === 'leaf' || (was !== undefined && was !== shape)) return config;
  if (isHollow(live) && isHollow(config)) return config;
  return shape === 'map'
    ? mergeFields(asMap(live), asMap(config), schema)
    : mergeItems(asList(live), asList(config), schema);
}

function mergeFields(
  live: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
  schema: Schema,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(config)) {
    result[name] = merge(fieldOf(live, name), value, fieldSchema(schema, name) ?? {});
  }
  return result;
}

/**
 * Items of both lists stand in the configuration's order. Before each of them come the live object's own items up to
 * it, then the configuration's new ones; what is left of the live object's own comes before what is left of the new.
 */
function mergeItems(live: readonly unknown[], config: readonly unknown[], schema: Schema): unknown[] {
  const liveItems = indexed(live, schema);
  const configItems = indexed(config, schema);
  const result: unknown[] = [];
  const own = [...liveItems.keys()];
  let position = 0;
  const takeOwnUpTo = (shared: string | undefined) => {
    for (; position < own.length; position++) {
      const element = own[position] ?? '';
      if (element === shared) break;
      if (!configItems.has(element)) result.push(liveItems.get(element));
    }
  };
  let added: unknown[] = [];
  for (const [element, item] of configItems) {
    if (!liveItems.has(element)) {
      added.push(item);
      continue;
    }
    takeOwnUpTo(element);
    result.push(...added, merge(liveItems.get(element), item, itemSchema(schema)));
    added = [];
  }
  takeOwnUpTo(undefined);
  result.push(...added);
  return result;
}

function indexed(items: readonly unknown[], schema: Schema): Map<string, unknown> {
  return new Map(items.map((item) => [itemElement(item, schema), item]));
}
