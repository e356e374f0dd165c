// Reading single values of objects whose shape the reader does not know or does not want to check as a whole.

/** The value under the keys, or undefined when any of them is missing. */
export function valueAt(object: unknown, ...path: readonly string[]): unknown {
  let value = object;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** The string under the keys; '' when there is none. */
export function textAt(object: unknown, ...path: readonly string[]): string {
  const value = valueAt(object, ...path);
  return typeof value === 'string' ? value : '';
}

/** The list under the keys; empty when there is none. */
export function listAt(object: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = valueAt(object, ...path);
  return Array.isArray(value) ? value : [];
}

/** The keys of the map under the keys; empty when there is none. */
export function keysAt(object: unknown, ...path: readonly string[]): string[] {
  const value = valueAt(object, ...path);
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}
