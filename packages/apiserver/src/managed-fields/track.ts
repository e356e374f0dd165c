// Managed fields after a write that is not an apply: the writer owns what it changed, together with what it owned
// before; everyone else loses that (structured-merge-diff merge/update.go, Update; apimachinery
// pkg/util/managedfields/internal: fieldmanager.go, managedfieldsupdater.go, skipnonapplied.go).
import type { ManagedFieldsEntry } from '@varve/api';
import { type ApiObject, isRecord } from '../object.ts';
import type { ServedResource } from '../resources.ts';
import { timestamp } from '../time.ts';
import { type Comparison, compare } from './compare.ts';
import { difference, emptySet, isEmptySet, union } from './field-set.ts';
import {
  capUpdates,
  type Manager,
  type Managers,
  managerId,
  readManagers,
  storedManagers,
  writeManagers,
} from './managers.ts';
import { trackedFields, withEmbedded, withoutIdentity } from './tracked-fields.ts';

/** Who writes, where and when. */
export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  readonly now: Date;
}

/** More than this is given up rather than kept: an update must never fail for its bookkeeping. */
export const maxManagedFieldsCharacters = 512 * 1024;

/**
 * The entries for `after`. `sent` is what the client sent as managedFields: it may edit them, and an empty list or one
 * empty entry resets them; undefined keeps those of `before`, which is undefined when the object is created.
 */
export function trackUpdate(
  before: ApiObject | undefined,
  after: ApiObject,
  sent: unknown,
  resource: ServedResource,
  writer: Writer,
): ManagedFieldsEntry[] | undefined {
  const managers = managersBefore(before, writer.subresource === '' ? sent : undefined, resource.apiVersion);
  // Objects that nobody tracked, or whose managers were reset, stay so until they are applied.
  if (managers.size === 0 && before !== undefined) return undefined;
  recordUpdate(managers, changesOf(before, after, resource, writer.subresource), resource, writer);
  const entries = writeManagers(managers);
  return JSON.stringify(entries ?? []).length > maxManagedFieldsCharacters ? undefined : entries;
}

function managersBefore(before: ApiObject | undefined, sent: unknown, apiVersion: string): Managers {
  if (isReset(sent)) return new Map();
  const given = readManagers(sent, apiVersion);
  if (given !== undefined && given.size > 0) return given;
  return storedManagers(before?.metadata.managedFields, apiVersion);
}

function isReset(sent: unknown): boolean {
  if (!Array.isArray(sent)) return false;
  const [first] = sent;
  return sent.length === 0 || (sent.length === 1 && isRecord(first) && Object.keys(first).length === 0);
}

/** What the write changed, as far as its endpoint can. */
export function changesOf(
  before: ApiObject | undefined,
  after: ApiObject,
  resource: ServedResource,
  subresource: string,
): Comparison {
  const { added, modified, removed } = compare(
    withEmbedded(before, resource),
    withEmbedded(after, resource),
    resource.wholeSchema,
  );
  return {
    added: trackedFields(added, resource, subresource),
    modified: trackedFields(modified, resource, subresource),
    removed: trackedFields(removed, resource, subresource),
  };
}

/** Gives the changed fields to the writer. */
export function recordUpdate(
  managers: Managers,
  { added, modified, removed }: Comparison,
  resource: ServedResource,
  writer: Writer,
): void {
  const changed = union(added, modified);
  const lost = union(changed, removed);
  for (const [id, manager] of managers) managers.set(id, { ...manager, fields: difference(manager.fields, lost) });
  const own = withoutIdentity(changed);
  if (!isEmptySet(own)) {
    const { apiVersion } = resource;
    const self: Omit<Manager, 'time' | 'fields'> = {
      name: writer.manager,
      operation: 'Update',
      apiVersion,
      subresource: writer.subresource,
    };
    const id = managerId(self);
    const fields = union(own, managers.get(id)?.fields ?? emptySet);
    managers.set(id, { ...self, time: timestamp(writer.now), fields });
  }
  for (const [id, manager] of managers) if (isEmptySet(manager.fields)) managers.delete(id);
  capUpdates(managers);
}
