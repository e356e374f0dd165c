// Strategic merge patch: a merge patch in which lists are merged by a key, with directives
// (apimachinery pkg/util/strategicpatch). The schema says which lists merge and by which key.
import { isRecord, type JsonObject } from '../object.ts';
import type { Schema } from '../schema/structural.ts';
import { badRequest } from '../status.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

/** The patched value; neither argument is changed. Throws 400 for a patch that contradicts the schema. */
export function strategicMerge(target: JsonObject, patch: JsonObject, schema: Schema): JsonObject {
  const action = patch[directive];
  if (action === 'replace') return withoutDirectives(patch);
  if (action === 'delete') return {};
  if (action !== undefined && action !== 'merge') throw badRequest(`unknown patch type: ${JSON.stringify(action)}`);
  const result: JsonObject = retained(target, patch);
  for (const key of keysOf(patch)) {
    const value = patch[key];
    const property = propertySchema(schema, key);
    const current = Object.hasOwn(result, key) ? result[key] : undefined;
    if (value === null) delete result[key];
    else if (isRecord(value)) result[key] = strategicMerge(isRecord(current) ? current : {}, value, property);
    else if (mergesAsList(value, patch, key, property)) result[key] = mergeList(current, patch, key, property);
    else result[key] = value;
  }
  return result;
}

/** The keys that a patch changes, also those that only a directive names. */
function keysOf(patch: JsonObject): Set<string> {
  const keys = new Set<string>();
  for (const key of Object.keys(patch)) {
    if (key.startsWith(orderPrefix)) keys.add(key.slice(orderPrefix.length));
    else if (key.startsWith(deletePrefix)) keys.add(key.slice(deletePrefix.length));
    else if (key !== directive && key !== retainKeys) keys.add(key);
  }
  return keys;
}

function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const keep = patch[retainKeys];
  if (keep === undefined) return { ...target };
  if (!Array.isArray(keep)) throw badRequest(`${retainKeys} must be a list`);
  return Object.fromEntries(Object.entries(target).filter(([key]) => keep.includes(key)));
}

function propertySchema(schema: Schema, key: string): Schema {
  const properties = schema.properties ?? {};
  return (Object.hasOwn(properties, key) ? properties[key] : schema.additionalProperties) ?? {};
}

function mergesAsList(value: unknown, patch: JsonObject, key: string, schema: Schema): boolean {
  if (value !== undefined && !Array.isArray(value)) return false;
  const named = Object.hasOwn(patch, orderPrefix + key) || Object.hasOwn(patch, deletePrefix + key);
  return schema.patchStrategy === 'merge' || named;
}

function mergeList(current: unknown, patch: JsonObject, key: string, schema: Schema): unknown[] {
  const existing: readonly unknown[] = Array.isArray(current) ? current : [];
  const value = patch[key];
  const changes: readonly unknown[] = Array.isArray(value) ? value : [];
  const order = listDirective(patch, orderPrefix + key);
  const mergeKey = schema.patchMergeKey;
  if (mergeKey === undefined) {
    const removed = new Set((listDirective(patch, deletePrefix + key) ?? []).map(idOf));
    const merged = new Map<string, unknown>();
    for (const item of existing) if (!removed.has(idOf(item))) merged.set(idOf(item), item);
    for (const item of changes) merged.set(idOf(item), item);
    return ordered(merged, (order ?? changes).map(idOf), existing.map(idOf));
  }
  return mergeObjects(existing, changes, order, mergeKey, schema.items ?? {});
}

function mergeObjects(
  existing: readonly unknown[],
  changes: readonly unknown[],
  order: readonly unknown[] | undefined,
  mergeKey: string,
  itemSchema: Schema,
): unknown[] {
  const keyId = (item: unknown) => idOf(isRecord(item) ? item[mergeKey] : item);
  if (changes.some((item) => isRecord(item) && item[directive] === 'replace')) {
    return changes.filter((item) => isRecord(item) && item[directive] !== 'replace').map(stripped);
  }
  const merged = new Map<string, unknown>();
  for (const item of existing) merged.set(keyId(item), item);
  const touched: string[] = [];
  for (const change of changes) {
    if (!isRecord(change))
      throw badRequest(`a list that is merged by ${mergeKey} holds something that is not an object`);
    if (change[mergeKey] === undefined) {
      throw badRequest(`map: ${JSON.stringify(change)} does not contain declared merge key: ${mergeKey}`);
    }
    const id = keyId(change);
    if (change[directive] === 'delete') {
      merged.delete(id);
      continue;
    }
    const before = merged.get(id);
    merged.set(id, strategicMerge(isRecord(before) ? before : {}, change, itemSchema));
    touched.push(id);
  }
  return ordered(merged, order === undefined ? touched : order.map(keyId), existing.map(keyId));
}

/**
 * The order of a merged list. Items of the patch stand in the patch's order (or that of `$setElementOrder`), the
 * server's other items between them where they stood before; an item that the server did not know comes first.
 */
function ordered(
  merged: ReadonlyMap<string, unknown>,
  wanted: readonly string[],
  existing: readonly string[],
): unknown[] {
  const rank = new Map(wanted.map((id, index) => [id, index]));
  const before = new Map(existing.map((id, index) => [id, index]));
  const fromPatch = [...merged.keys()].filter((id) => rank.has(id));
  fromPatch.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
  const fromServer = [...merged.keys()].filter((id) => !rank.has(id));
  const result: unknown[] = [];
  let position = 0;
  for (const id of fromPatch) {
    const place = before.get(id) ?? -1;
    for (; position < fromServer.length; position++) {
      const next = fromServer[position] ?? '';
      if ((before.get(next) ?? -1) > place) break;
      result.push(merged.get(next));
    }
    result.push(merged.get(id));
  }
  for (const id of fromServer.slice(position)) result.push(merged.get(id));
  return result;
}

/** Identity of a merge key or of a primitive item. */
function idOf(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

function listDirective(patch: JsonObject, key: string): readonly unknown[] | undefined {
  const value = patch[key];
  if (value !== undefined && !Array.isArray(value)) throw badRequest(`${key} must be a list`);
  return value;
}

function stripped(value: unknown): unknown {
  return isRecord(value) ? withoutDirectives(value) : value;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key, value]) => !key.startsWith('$') && value !== null));
}
