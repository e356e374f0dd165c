// From client-side to server-side apply: kubectl keeps what it applied in an annotation, and that counts as its own
// (apimachinery pkg/util/managedfields/internal: lastappliedmanager.go, lastappliedupdater.go).
import { canonicalJson } from '@varve/api';
import { findHazard } from '../http/json-scan.ts';
import { type ApiObject, isRecord, type JsonObject } from '../object.ts';
import type { ServedResource } from '../resources.ts';
import { compare } from './compare.ts';
import { difference, emptySet, type FieldSet } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** The field manager of `kubectl apply --server-side`; other managers are not touched by the annotation. */
export const kubectlManager = 'kubectl';
const maxAnnotationBytes = 262_144;

/** The fields that were applied on the client's side and that nobody changed since. */
export function lastAppliedFields(live: ApiObject, resource: ServedResource): FieldSet {
  const config = parsed(live.metadata.annotations?.[annotation] ?? '');
  if (config === undefined || config.apiVersion !== resource.apiVersion) return emptySet;
  const { added, modified, removed } = compare(config, live, resource.wholeSchema);
  let fields = fieldsOf(config, resource.wholeSchema);
  for (const changed of [added, modified, removed]) fields = difference(fields, changed);
  return fields;
}

/** Held to what a body is held to: nobody has looked into the annotation so far. */
function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && findHazard(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Brings the annotation of an object up to date, where there is one; one that would be too long is left out. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  const metadata = isRecord(object.metadata) ? object.metadata : {};
  const { [annotation]: before, ...others } = isRecord(metadata.annotations) ? metadata.annotations : {};
  if (typeof before !== 'string' || before === '') return object;
  const text = `${canonicalJson(withoutAnnotation(config))}\n`;
  let size = annotation.length + Buffer.byteLength(text);
  for (const [key, value] of Object.entries(others)) size += Buffer.byteLength(`${key}${String(value)}`);
  const annotations = size > maxAnnotationBytes ? others : { ...others, [annotation]: text };
  return { ...object, metadata: { ...metadata, annotations } };
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const { metadata } = config;
  if (!isRecord(metadata) || !isRecord(metadata.annotations)) return config;
  const { [annotation]: _, ...annotations } = metadata.annotations;
  return { ...config, metadata: { ...metadata, annotations } };
}
