// From an answer's JSON to typed objects.
import { apiVersionOf, type KubeObject, type ResourceDefinition } from '@varve/api';
import { KubeError } from './error.ts';
import { isRecord } from './status.ts';

export interface ObjectList<T> {
  readonly items: T[];
  /** Where a watch that must miss nothing begins. */
  readonly resourceVersion: string;
}

export interface Page<T> extends ObjectList<T> {
  /** Token for the next page; absent on the last one. */
  readonly next?: string;
}

/**
 * `value` as an object of `definition`'s kind. Only what this package relies on is checked here (kind and metadata):
 * the server has validated the rest against the same schema, and parsing it again would drop the fields of a newer
 * server on the way through a read, change and write.
 */
export function decodeObject<T extends KubeObject>(definition: ResourceDefinition<T>, value: unknown): T {
  if (!isObjectOf(definition, value)) {
    throw new KubeError('MALFORMED_RESPONSE', `The server sent something else than a ${definition.kind}.`);
  }
  return value;
}

export function decodePage<T extends KubeObject>(definition: ResourceDefinition<T>, value: unknown): Page<T> {
  const metadata = isRecord(value) && isRecord(value.metadata) ? value.metadata : undefined;
  if (!isRecord(value) || metadata === undefined || typeof metadata.resourceVersion !== 'string') {
    throw new KubeError('MALFORMED_RESPONSE', `The server sent something else than a list of ${definition.plural}.`);
  }
  const items: T[] = [];
  for (const item of Array.isArray(value.items) ? value.items : []) {
    // Lists of built-in kinds leave kind and apiVersion out of their items.
    const names = { apiVersion: apiVersionOf(definition), kind: definition.kind };
    items.push(decodeObject(definition, isRecord(item) ? { ...names, ...item } : item));
  }
  const next = metadata.continue;
  return {
    items,
    resourceVersion: metadata.resourceVersion,
    ...(typeof next === 'string' && next !== '' ? { next } : {}),
  };
}

function isObjectOf<T extends KubeObject>(definition: ResourceDefinition<T>, value: unknown): value is T {
  if (!isRecord(value) || value.kind !== definition.kind || value.apiVersion !== apiVersionOf(definition)) return false;
  const { metadata } = value;
  return isRecord(metadata) && typeof metadata.name === 'string' && metadata.name !== '';
}
