// The patch that `kubectl apply` would send: what the manifest says, without what an earlier manifest said and this
// one no longer does, and nothing that is so already. Fields that others set stay theirs.
// Annotation and algorithm: Kubernetes documentation, "Declarative Management of Kubernetes Objects".

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

type Json = unknown;
type JsonObject = Record<string, Json>;

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function equal(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  }
  return a === b;
}

/**
 * A JSON merge patch (RFC 7386) which brings `live` to `desired`.
 *
 * @param lastApplied the manifest applied before, or undefined
 * @returns the patch; empty when nothing is to be done
 */
export function threeWayMergePatch(lastApplied: Json, desired: JsonObject, live: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const [key, value] of Object.entries(desired)) {
    const liveValue = live[key];
    if (isObject(value) && isObject(liveValue)) {
      const nested = threeWayMergePatch(isObject(lastApplied) ? lastApplied[key] : undefined, value, liveValue);
      if (Object.keys(nested).length > 0) patch[key] = nested;
    } else if (!equal(value, liveValue)) {
      patch[key] = value;
    }
  }
  if (isObject(lastApplied)) {
    for (const key of Object.keys(lastApplied)) {
      if (!Object.hasOwn(desired, key) && Object.hasOwn(live, key)) patch[key] = null;
    }
  }
  return patch;
}
