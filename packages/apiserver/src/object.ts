// The objects that the server stores: JSON of which it knows apiVersion, kind and metadata, and the rest by schema.
import type { KubeObject } from '@varve/api';

export type JsonObject = Record<string, unknown>;

export interface ApiObject extends KubeObject {
  [field: string]: unknown;
}

/** In UTF-8. */
export function encodeJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isApiObject(value: unknown): value is ApiObject {
  return (
    isRecord(value) &&
    typeof value.apiVersion === 'string' &&
    typeof value.kind === 'string' &&
    isRecord(value.metadata)
  );
}

/** A deep copy of JSON data; many times faster than structuredClone, which can do more. */
export function copyJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyJson);
  return isRecord(value) ? copyRecord(value) : value;
}

export function copyRecord(record: JsonObject): JsonObject {
  const copy: JsonObject = {};
  // No key is `__proto__`: whatever comes in is refused for it (http/json-scan.ts).
  for (const key of Object.keys(record)) copy[key] = copyJson(record[key]);
  return copy;
}

/** Equality of JSON values; the order of keys does not count. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (const [index, item] of a.entries()) if (!jsonEqual(item, b[index])) return false;
    return true;
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!Object.hasOwn(b, key) || !jsonEqual(a[key], b[key])) return false;
  return true;
}
