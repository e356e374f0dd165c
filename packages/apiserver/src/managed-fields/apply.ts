// Server-side apply: a configuration laid over the live object, with its fields given to the one who applies it
// (structured-merge-diff merge/update.go, Apply; kubernetes.io "Server-Side Apply"). Pure.
import type { ManagedFieldsEntry } from '@varve/api';
import { type ApiObject, isApiObject, type JsonObject, jsonEqual } from '../object.ts';
import type { ServedResource } from '../resources.ts';
import { badRequest, tooLarge } from '../status.ts';
import { timestamp } from '../time.ts';
import type { Comparison } from './compare.ts';
import { applyConflict, type Conflict } from './conflicts.ts';
import { difference, emptySet, type FieldSet, intersection, isEmptySet, union } from './field-set.ts';
import { fieldsOf, withStructures } from './fields-of.ts';
import { kubectlManager, lastAppliedFields, withLastApplied } from './last-applied.ts';
import { type Manager, type Managers, managerId, storedManagers, writeManagers } from './managers.ts';
import { merge } from './merge.ts';
import { remove } from './remove.ts';
import { changesOf, maxManagedFieldsCharacters, recordUpdate, type Writer } from './track.ts';
import { trackedFields, withoutIdentity } from './tracked-fields.ts';

/** Who is said to have set what was there before anybody applied. */
const firstManager = 'before-first-apply';

export interface Application {
  /** Of the right kind and version, and checked by `checkConfiguration`. */
  readonly config: JsonObject;
  readonly writer: Writer;
  /** True: fields of others are taken over. */
  readonly force: boolean;
}

export interface Applied {
  readonly object: JsonObject;
  readonly managedFields: ManagedFieldsEntry[] | undefined;
}

/** `live` is undefined when the object is created. Throws 409 for conflicts, 413 for too many managers. */
export function apply(live: ApiObject | undefined, application: Application, resource: ServedResource): Applied {
  const { config, writer } = application;
  const base = live ?? { apiVersion: resource.apiVersion, kind: resource.definition.kind, metadata: {} };
  const managers = managersOf(live, resource, writer);
  const self: Omit<Manager, 'time' | 'fields'> = {
    name: writer.manager,
    operation: 'Apply',
    apiVersion: resource.apiVersion,
    subresource: writer.subresource,
  };
  const id = managerId(self);
  const before = managers.get(id);
  const fields = trackedFields(fieldsOf(config, resource.wholeSchema), resource, writer.subresource);
  managers.delete(id);
  const merged = merge(base, config, resource.wholeSchema);
  const abandoned = abandonedFields(before?.fields ?? emptySet, fields, managers, resource);
  const object = remove(merged, abandoned, resource.wholeSchema);
  if (!isApiObject(object)) throw badRequest('error decoding patch: its result is not an object with metadata');

  settle(managers, changesOf(live, object, resource, writer.subresource), application, live, resource);
  const changed = live === undefined || !jsonEqual(live, object);
  const own = withoutIdentity(fields);
  if (!isEmptySet(own)) {
    const time = changed ? timestamp(writer.now) : before?.time;
    managers.set(id, { ...self, time, fields: own });
  }
  const managedFields = writeManagers(managers);
  if (JSON.stringify(managedFields ?? []).length > maxManagedFieldsCharacters)
    throw tooLarge(maxManagedFieldsCharacters);
  return { object: writer.manager === kubectlManager ? withLastApplied(object, config) : object, managedFields };
}

/** The managers so far; an object that had none gets one for everything that is there. */
function managersOf(live: ApiObject | undefined, resource: ServedResource, writer: Writer): Managers {
  const managers = storedManagers(live?.metadata.managedFields, resource.apiVersion);
  if (managers.size > 0 || live === undefined) return managers;
  const first = { ...writer, manager: firstManager };
  recordUpdate(managers, changesOf(undefined, live, resource, writer.subresource), resource, first);
  return managers;
}

/** What the manager applied last and does not now, unless somebody else has it too. */
function abandonedFields(before: FieldSet, now: FieldSet, others: Managers, resource: ServedResource): FieldSet {
  if (isEmptySet(difference(before, now))) return emptySet;
  let kept = now;
  for (const { fields } of others.values()) kept = union(kept, fields);
  return difference(withStructures(before, resource.wholeSchema), withStructures(kept, resource.wholeSchema));
}

/** Takes changed and removed fields from the others. Throws 409 for fields that may not be taken. */
function settle(
  managers: Managers,
  { added, modified, removed }: Comparison,
  application: Application,
  live: ApiObject | undefined,
  resource: ServedResource,
): void {
  const changed = union(added, modified);
  const conflicts: Conflict[] = [];
  for (const [id, manager] of managers) {
    const taken = intersection(manager.fields, changed);
    if (!isEmptySet(taken)) conflicts.push({ manager, fields: taken });
    const fields = difference(manager.fields, union(changed, removed));
    if (isEmptySet(fields)) managers.delete(id);
    else managers.set(id, { ...manager, fields });
  }
  if (application.force || conflicts.length === 0) return;
  const allowed =
    application.writer.manager === kubectlManager && live !== undefined ? lastAppliedFields(live, resource) : emptySet;
  const left: Conflict[] = [];
  for (const { manager, fields } of conflicts) {
    const denied = difference(fields, allowed);
    if (!isEmptySet(denied)) left.push({ manager, fields: denied });
  }
  if (left.length > 0) throw applyConflict(left);
}
