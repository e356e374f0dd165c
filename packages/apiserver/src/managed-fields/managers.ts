// Who manages which fields of an object: metadata.managedFields, read into sets and written back
// (apimachinery pkg/util/managedfields/internal/managedfields.go, capmanagers.go).
import type { ManagedFieldsEntry } from '@varve/api';
import { isRecord } from '../object.ts';
import { emptySet, type FieldSet, isEmptySet, parseFieldSet, union } from './field-set.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** '' for the main resource. */
  readonly subresource: string;
  /** When it last changed one of its fields. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By `managerId`. */
export type Managers = Map<string, Manager>;

/** Updates of more managers than this are put together, oldest first (upstream DefaultMaxUpdateManagers). */
const maxUpdateManagers = 10;
const oldestName = 'ancient-changes';

/** One applier has one entry whatever version it applies; updates of different versions stand apart. */
export function managerId({ name, operation, apiVersion, subresource }: Omit<Manager, 'time' | 'fields'>): string {
  return JSON.stringify([operation, name, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** undefined when the list cannot be read; entries for other versions than `apiVersion` are left out. */
export function readManagers(entries: unknown, apiVersion: string): Managers | undefined {
  if (!Array.isArray(entries)) return undefined;
  const managers: Managers = new Map();
  for (const entry of entries) {
    const manager = readManager(entry);
    if (manager === undefined) return undefined;
    if (manager.apiVersion === apiVersion) managers.set(managerId(manager), manager);
  }
  return managers;
}

function readManager(entry: unknown): Manager | undefined {
  if (!isRecord(entry)) return undefined;
  const { manager = '', operation, apiVersion = '', subresource = '', time, fieldsType, fieldsV1 = {} } = entry;
  const fields = parseFieldSet(fieldsV1);
  if (fieldsType !== 'FieldsV1' || fields === undefined) return undefined;
  if (typeof manager !== 'string' || typeof apiVersion !== 'string' || typeof subresource !== 'string') {
    return undefined;
  }
  if (operation !== 'Apply' && operation !== 'Update') return undefined;
  const at = typeof time === 'string' ? time : undefined;
  return { name: manager, operation, apiVersion, subresource, time: at, fields };
}

/** The managers of a stored object, which were written by `writeManagers`. */
export function storedManagers(entries: readonly ManagedFieldsEntry[] | undefined, apiVersion: string): Managers {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    if (entry.apiVersion !== apiVersion) continue;
    const { manager: name, operation, subresource = '', time } = entry;
    const fields = isFieldSet(entry.fieldsV1) ? entry.fieldsV1 : emptySet;
    const manager: Manager = { name, operation, apiVersion, subresource, time, fields };
    managers.set(managerId(manager), manager);
  }
  return managers;
}

/** Only the outside is looked at: the rest was checked when it was written. */
function isFieldSet(value: unknown): value is FieldSet {
  return isRecord(value);
}

/** Appliers first, then by time and name; undefined when there is none. */
export function writeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  const entries: ManagedFieldsEntry[] = [];
  for (const { name, operation, apiVersion, subresource, time, fields } of managers.values()) {
    if (isEmptySet(fields)) continue;
    entries.push({
      manager: name,
      operation,
      apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
      ...(subresource === '' ? {} : { subresource }),
    });
  }
  entries.sort((a, b) => compareText(sortKey(a), sortKey(b)));
  return entries.length === 0 ? undefined : entries;
}

function sortKey({ operation, time = '', manager, apiVersion, subresource = '' }: ManagedFieldsEntry): string {
  return [operation, time, manager, apiVersion, subresource].join('\0');
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Puts the oldest updates together until there are no more than the limit. */
export function capUpdates(managers: Managers): void {
  const updates = [...managers].filter(([, { operation }]) => operation === 'Update');
  if (updates.length <= maxUpdateManagers) return;
  updates.sort(([a, left], [b, right]) => compareText(left.time ?? '', right.time ?? '') || compareText(a, b));
  const oldest = updates.slice(0, updates.length - maxUpdateManagers + 1);
  let fields = emptySet;
  let last: Manager | undefined;
  for (const [id, manager] of oldest) {
    fields = union(fields, manager.fields);
    last = manager;
    managers.delete(id);
  }
  if (last === undefined) return;
  const bucket: Manager = { ...last, name: oldestName, subresource: '', fields };
  const id = managerId(bucket);
  managers.set(id, { ...bucket, fields: union(fields, managers.get(id)?.fields ?? emptySet) });
}
