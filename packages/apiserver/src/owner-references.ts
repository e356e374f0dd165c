// References to owners that stand twice in an object count once (apiserver pkg/endpoints/handlers/rest.go).
import { canonicalJson } from '@varve/api';
import { isRecord, type JsonObject } from './object.ts';

/** Drops repeated references of an object that is the caller's own, and adds a warning about them. */
export function dedupeOwnerReferences(object: JsonObject, warnings: string[]): void {
  const metadata = isRecord(object.metadata) ? object.metadata : {};
  const references = metadata.ownerReferences;
  if (!Array.isArray(references)) return;
  const kept = new Map<string, unknown>();
  const repeated: string[] = [];
  for (const reference of references) {
    const id = canonicalJson(reference);
    if (kept.has(id)) repeated.push(isRecord(reference) ? String(reference.uid) : '');
    kept.set(id, reference);
  }
  if (repeated.length === 0) return;
  metadata.ownerReferences = [...kept.values()];
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries; each counts once; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
}
